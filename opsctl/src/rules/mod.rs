//! The alert rules document from the operator's side: where it is wrong, what a new edition changes, and what it would do.

pub mod changes;
pub mod document;
mod locate;
pub mod rehearsal;
pub mod words;
