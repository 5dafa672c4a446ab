//! What is known of the stack right now, with its age and its errors: one value for text, JSON and the dashboard.

mod budget;
mod collect;
#[cfg(test)]
mod collect_tests;
mod cost;
mod lints;
mod past;
mod poll;
#[cfg(test)]
mod poll_tests;
mod remedy;
mod schedule;
mod source;
mod state;
pub mod text;
mod update;
mod verdict;

pub use collect::{Fetch, collect};
pub use poll::{Backoff, Meter, Outcome, PollState, Poller};
pub use remedy::Remedy;
pub use schedule::{Every, Schedule};
pub use source::{Freshness, Source, SourceError};
pub use state::{Snapshot, StackIdentity};
pub use update::{SourceName, Update};
pub use verdict::{Finding, Health, Severity, Verdict, judge};

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
