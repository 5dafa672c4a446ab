//! The ingestion function. Validates what feeds publish, stores it once, and passes it on.

mod handler;
#[cfg(test)]
mod tests;

pub use handler::Ingestion;
