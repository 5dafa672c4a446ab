//! What is known of the stack right now, with its age and its errors: one value for text, JSON and the dashboard.

mod collect;
mod lints;
mod source;
mod state;
pub mod text;
mod verdict;

pub use collect::{Fetch, SourceName, Update, collect};
pub use source::{Freshness, Source, SourceError};
pub use state::{Snapshot, StackIdentity};
pub use verdict::{Finding, Health, Severity, Verdict, judge};

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
