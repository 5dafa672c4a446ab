//! The processing function. Enriches what is stored, and raises alerts.

mod handler;
#[cfg(test)]
mod tests;

pub use handler::Processing;
