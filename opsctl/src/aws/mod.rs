//! What is read from AWS, one file a service, into types of the domain.

pub mod alarms;
pub mod archive;
pub mod audit;
pub mod bus;
pub mod calls;
mod clients;
pub mod dead_letters;
mod error;
pub mod events;
pub mod functions;
pub mod latencies;
pub mod metrics;
pub mod parameters;
pub mod queue_metrics;
pub mod rule_metrics;
mod time;
pub mod traces;

pub use clients::{Clients, Connection};
pub use error::{AwsError, AwsErrorKind, Doing};

#[cfg(test)]
pub(crate) mod testing;
