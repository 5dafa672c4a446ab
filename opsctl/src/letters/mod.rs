//! Work on dead letters: which of them are meant, and every one of them in hand.

mod drain;
mod export;
mod purge;
mod record;
mod select;
mod survey;

pub use drain::{Drain, HOLD, Undeleted};
pub use export::{Export, ExportFile, export};
pub use purge::{Purge, PurgePlan, PurgeProgress, Purging, plan, purge};
pub use record::LetterRecord;
pub use select::{Age, Selectors};
pub use survey::survey;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
