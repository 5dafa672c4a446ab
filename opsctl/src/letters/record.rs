//! A dead letter with everything that is known of it, for files and for `--output json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use market::fault::Fault;
use serde::Serialize;

use crate::aws::dead_letters::{Attribute, DeadLetter, Origin};
use crate::stack::StageName;

/// A dead letter as it is written to a file: the message itself (id, attributes, body, byte for byte) and what opsctl made
/// of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LetterRecord {
    /// The stage whose queue it is in.
    pub queue: StageName,
    /// Its id in the queue.
    pub message_id: String,
    /// How it came there.
    pub origin: Origin,
    /// The code of its origin.
    pub code: String,
    /// What went wrong, in the words of its origin.
    pub reason: String,
    /// Everything that the function found wrong, when it rejected the event.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// The stage that could not do it.
    pub stage: StageName,
    /// When it came into the queue.
    pub sent_at: Option<Timestamp>,
    /// How often it was received, this time included.
    pub receive_count: Option<u32>,
    /// The event's id, where the body has one.
    pub event_id: Option<String>,
    /// The event's symbol, where the body has one.
    pub symbol: Option<String>,
    /// The event's type, where the body has one.
    pub event_type: Option<String>,
    /// The message's attributes.
    pub attributes: BTreeMap<String, Attribute>,
    /// The message's body as it is.
    pub body: String,
}

impl LetterRecord {
    /// The record of a letter from the queue of `queue`.
    pub fn new(queue: StageName, letter: DeadLetter) -> Self {
        Self {
            queue,
            message_id: letter.message_id,
            origin: letter.origin,
            code: letter.code,
            reason: letter.message,
            faults: letter.faults,
            stage: letter.stage,
            sent_at: letter.sent_at,
            receive_count: letter.receive_count,
            event_id: letter.event_id,
            symbol: letter.symbol,
            event_type: letter.event_type,
            attributes: letter.attributes,
            body: letter.body,
        }
    }
}
