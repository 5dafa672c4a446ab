//! What goes in and what comes out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// SQS's id of a message; the same over all its receives.
pub type MessageId = String;
/// SQS's handle of one receive of a message.
pub type Receipt = String;

/// How much may go on at once. A tick is the driver's; see [`Event::Tick`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Sends at once.
    pub concurrency: usize,
    /// Receives at once.
    pub receives: usize,
    /// Planned letters in hand at once: received, and neither deleted nor given back.
    pub in_hand: usize,
    /// Other messages held back at once, so that a receive brings what was not seen yet.
    pub held: usize,
    /// Sends, and deletes, of one letter before it is given up.
    pub attempts: u32,
    /// Letters given up in a row before all of it is.
    pub failures_in_a_row: u32,
    /// Ticks after which a message in hand is hidden for longer.
    pub extend_after: u32,
    /// Ticks without a letter of the plan after which a receive that brings none tells that the others are gone. Longer than
    /// a message stays hidden, or the letters that a killed run had in hand would be missed.
    pub patience: u32,
    /// Wait for the stage's own word on each event before its letter is deleted.
    pub verify: bool,
}

/// What an earlier process of the same run has recorded about a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// Nothing that counts: it is to be sent.
    Open,
    /// Its event was accepted. That is proof enough, unless the stage's word is waited for.
    Accepted,
    /// Its event is proven to be delivered: it is to be deleted, not sent.
    Proven,
    /// It was deleted, too.
    Deleted,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A receive brought these messages, perhaps none.
    Received(Vec<(MessageId, Receipt)>),
    /// A receive failed; `fatal` when the next one would too.
    ReceiveFailed {
        /// Why.
        reason: String,
        /// True when the next one would fail too.
        fatal: bool,
    },
    /// The answer to [`Effect::Look`]; none when it failed.
    Looked(Option<Load>),
    /// The answer to [`Effect::Send`].
    Sent {
        /// Which letter.
        id: MessageId,
        /// The id under which the event was accepted, and when.
        result: Result<Accepted, SendError>,
    },
    /// The answer to [`Effect::Verify`].
    Verified {
        /// Which letter.
        id: MessageId,
        /// What the stage's audit says.
        verdict: Verdict,
    },
    /// The answer to [`Effect::Delete`], one result a letter.
    Deleted(Vec<(MessageId, Result<(), DeleteError>)>),
    /// An [`Effect::Release`] is over, one way or the other: what is not given back becomes visible by itself.
    Released,
    /// Time passed.
    Tick,
    /// Somebody asked to stop.
    Stop,
}

/// An event was accepted: it is now Lambda's, or the bus's, to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Lambda's request id, which is that of the invocation too, or the event id that the bus gave.
    pub accepted_id: Option<String>,
    /// When, by this machine's clock.
    pub at: Timestamp,
}

/// Why an event was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// Not accepted; the next attempt may be.
    Transient(String),
    /// No answer: perhaps accepted, perhaps not. Sending again is safe, for the stages drop doubles.
    Unknown(String),
    /// Never accepted as it is.
    Permanent(String),
    /// No letter would be accepted: no permission, no function.
    Fatal(String),
    /// Not tried, since somebody asked to stop.
    Skipped,
}

/// What the stage's audit says of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The stage is through with it: processed, known already, or rejected for good (then it has put a new letter into the
    /// queue). Its own word.
    Through(String),
    /// Nothing in time.
    Nothing(String),
}

/// Why a letter was not deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteError {
    /// The next attempt may work. No answer counts here too: deleting what is deleted does no harm.
    Transient(String),
    /// The receipt is no longer valid: the letter is visible again.
    Expired,
    /// No letter could be deleted.
    Fatal(String),
}

/// Messages in a queue, as SQS estimates them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Those that a receive can bring.
    pub visible: u64,
    /// Those that somebody has in hand, we too.
    pub hidden: u64,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Receive up to ten messages.
    Receive,
    /// Ask how full the queue is.
    Look,
    /// Send a letter's event.
    Send(MessageId),
    /// Wait for the stage's word on a letter's event.
    Verify(MessageId),
    /// Write into the journal, before any effect that follows.
    Record(Record),
    /// Delete up to ten letters.
    Delete(Vec<(MessageId, Receipt)>),
    /// Hide up to ten messages for longer. There is no answer.
    Extend(Vec<(MessageId, Receipt)>),
    /// Make up to ten messages visible again.
    Release(Vec<(MessageId, Receipt)>),
    /// It is over: nothing is in hand.
    Finish,
}

/// What the journal gets to know while a queue is redriven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// The event was accepted.
    Accepted {
        /// Which letter.
        message_id: MessageId,
        /// How.
        #[serde(flatten)]
        accepted: Accepted,
    },
    /// A send without an answer: perhaps accepted.
    Unknown {
        /// Which letter.
        message_id: MessageId,
        /// Why there is no answer.
        reason: String,
    },
    /// The stage says that it is through with the event.
    Proven {
        /// Which letter.
        message_id: MessageId,
        /// The stage's word.
        status: String,
    },
    /// Letters were deleted.
    Deleted {
        /// Which.
        message_ids: Vec<MessageId>,
    },
    /// A letter was given up and stays in the queue.
    Failed {
        /// Which.
        message_id: MessageId,
        /// Why.
        reason: String,
    },
}

/// How it ended with a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Its event was delivered and it was deleted.
    Redriven,
    /// Its event was delivered, and it was not seen in the queue again: a delete without an answer has taken it away.
    Gone,
    /// Its event was delivered and it could not be deleted: it is still in the queue.
    NotDeleted {
        /// Why.
        reason: String,
    },
    /// Its event was accepted, the stage said nothing in time: it stays in the queue.
    Unproven {
        /// What was waited for.
        reason: String,
    },
    /// Its event was not accepted: it stays in the queue.
    Failed {
        /// Why.
        reason: String,
    },
    /// It was not in the queue, or somebody else had it in hand. It was not touched.
    Unseen,
    /// Nothing was done to it since all was stopped before: it stays in the queue.
    Stopped,
}

/// How many letters ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Redriven.
    pub redriven: usize,
    /// Ended otherwise.
    pub given_up: usize,
}

impl Outcome {
    /// True when the event is delivered and the letter is not in the queue any more.
    pub fn is_through(&self) -> bool {
        matches!(self, Self::Redriven | Self::Gone)
    }
}

/// How it ended with a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End<'a> {
    /// Everything planned was tried.
    Complete,
    /// Somebody asked to stop.
    Stopped,
    /// It could not go on.
    Aborted(&'a str),
}
