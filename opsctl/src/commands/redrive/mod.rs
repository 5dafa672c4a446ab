//! `opsctl redrive`: dead letters are sent again, and deleted once their events are delivered.

mod args;
mod editor;
mod report;
mod resume;
mod run;

pub use args::{DlqArgs, RedriveCommand};
pub use report::RedriveReport;
pub use run::{redrive_dlq, run};
