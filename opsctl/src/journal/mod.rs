//! What was changed, by whom, and with what outcome: one JSON Lines file a run.
//!
//! The first line is the [`Header`], the last one the [`Finish`]; between them stands what the change itself writes, each
//! record an object with its kind in `record`. Bodies are in it before anything is deleted, so a file holds market data:
//! it is readable by its owner only. A run that has no end was interrupted, or is still going on.

mod header;
mod id;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use header::{Finish, Header, Outcome};
pub use id::RunId;
pub use read::{Entry, Recording, State, find, list, open, records_of};
pub use write::Journal;
