//! What is told of a redrive: while it goes on, and of each letter in the end.

use serde::Serialize;

use super::machine::{Accepted, MessageId, Outcome};
use super::plan::PlannedLetter;
use super::word::Word;
use crate::stack::StageName;

/// How far a redrive is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Letters of the plan.
    pub total: usize,
    /// Letters whose event was delivered and that were deleted.
    pub redriven: usize,
    /// Letters that ended otherwise.
    pub given_up: usize,
    /// Letters in hand.
    pub in_hand: usize,
    /// Somebody asked to stop: what is in hand is being ended or given back.
    pub stopping: bool,
    /// How many stages are through with what they were sent; none before all is sent, or when they are not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<usize>,
}

/// A letter and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redriven {
    /// SQS's id of it.
    pub message_id: MessageId,
    /// The event's id.
    pub event_id: String,
    /// The stage that it was sent to.
    pub stage: StageName,
    /// The event's symbol.
    pub symbol: Option<String>,
    /// Why it was a dead letter.
    pub cause: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How it was accepted in this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Accepted>,
    /// What the stage said afterwards, when it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage_says: Option<Word>,
}

impl Redriven {
    pub(super) fn new(letter: &PlannedLetter, outcome: Outcome, accepted: Option<Accepted>) -> Self {
        Self {
            message_id: letter.message_id.clone(),
            event_id: letter.event_id.clone(),
            stage: letter.stage,
            symbol: letter.symbol.clone(),
            cause: letter.cause.clone(),
            outcome,
            accepted,
            stage_says: None,
        }
    }
}
