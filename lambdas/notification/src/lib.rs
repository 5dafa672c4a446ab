//! The notification function. Tells people about alerts: once, and not too often.

mod handler;
#[cfg(test)]
mod tests;

pub use handler::Notification;
