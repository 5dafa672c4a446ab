//! `opsctl send-test-event`: events into the pipeline, and on request what became of each.

mod args;
mod events;
mod run;

pub(crate) use args::LONG_ABOUT;
pub use args::SendTestEventArgs;
pub use run::run;
