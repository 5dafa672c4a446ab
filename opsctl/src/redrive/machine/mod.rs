//! The redrive of one queue as a pure state machine: events in, effects out; no IO, no async, no clock.
//!
//! What it guarantees, whatever the order of events, and [`tests`] check for every interleaving they can think of:
//!
//! - A letter is deleted only after the stage's function (or the bus) had accepted its event, and after that was recorded.
//! - So at any moment a letter is in its queue, or its event is delivered and proven, or both; never neither. A crash
//!   between any two effects changes nothing about that, since the record of what was proven is in the journal.
//! - What is both is sent only once by this run: a letter that SQS delivers again is known by its message id.
//! - No more messages are in hand than [`Limits`] say.

mod follow;
mod letter;
#[cfg(test)]
mod model;
mod step;
#[cfg(test)]
mod tests;
mod types;

pub use step::Machine;
pub use types::{
    Accepted, DeleteError, Effect, End, Event, Known, Limits, Load, MessageId, Outcome, Receipt, Record, SendError,
    Verdict,
};
