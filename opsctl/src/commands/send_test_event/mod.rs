//! `opsctl send-test-event`: events into the pipeline, and on request what became of each.

mod args;
mod events;
mod report;
mod run;

pub(crate) use args::LONG_ABOUT;
pub use args::SendTestEventArgs;
pub use report::SendTestEventReport;
pub use run::run;
