//! What to send again: from the letters in the queues, the selection, and what is known of earlier runs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::edit::Mended;
use super::history::History;
use super::machine::MessageId;
use super::options::{Options, Via};
use super::parcel::Parcel;
use crate::aws::dead_letters::{DeadLetter, Origin};
use crate::letters::Selectors;
use crate::stack::StageName;

/// An event that came back so often is refused the next time.
pub const MOST_REDRIVES: u32 = 2;

/// A letter that will be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedLetter {
    /// SQS's id of it.
    pub message_id: MessageId,
    /// The stage whose queue it lies in.
    pub queue: StageName,
    /// The stage that it is sent to.
    pub stage: StageName,
    /// The event's id.
    pub event_id: String,
    /// The event's symbol.
    pub symbol: Option<String>,
    /// Why it is there.
    pub cause: String,
    /// How often earlier runs sent it.
    pub sent_before: u32,
    /// The letter as it lies in the queue, where that is not what is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
    /// What is sent: the event's envelope.
    pub body: String,
}

/// A letter that was selected and will not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftLetter {
    /// SQS's id of it.
    pub message_id: MessageId,
    /// The stage whose queue it lies in.
    pub queue: StageName,
    /// The event's id, where it has one.
    pub event_id: Option<String>,
    /// Why it is there.
    pub cause: String,
    /// Why it is left there.
    pub left: Left,
}

/// Why a letter is left where it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Left {
    /// Its stage has rejected it for good: the same event would be rejected again.
    Rejected,
    /// It was redriven so often before and came back each time.
    CameBack {
        /// How often.
        times: u32,
    },
    /// There is no event in it, or none that can be sent this way.
    Unsendable {
        /// Why.
        reason: String,
    },
}

impl Left {
    /// Why, and what to do.
    pub fn describe(&self) -> String {
        match self {
            Self::Rejected => "rejected for good: mend it with --edit or --set, or give --include-rejected".to_owned(),
            Self::CameBack { times } => {
                format!("was redriven {times} times and came back: find out why first, or give --force")
            }
            Self::Unsendable { reason } => format!("cannot be sent: {reason}"),
        }
    }
}

/// What is asked for besides [`Selectors`] and [`Options`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Wishes {
    /// Send what its stage has rejected too, unchanged.
    pub include_rejected: bool,
    /// Send what came back too often too.
    pub force: bool,
}

/// Letters that are meant, the oldest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Each with the stage whose queue it lies in.
    pub letters: Vec<(StageName, DeadLetter)>,
    /// How many others there are.
    pub others: usize,
}

impl Selection {
    /// Selects letters, whatever the selectors' limit.
    pub fn new(letters: Vec<(StageName, DeadLetter)>, selectors: &Selectors, now: Timestamp) -> Self {
        let all = letters.len();
        let mut letters: Vec<_> = letters.into_iter().filter(|(_, letter)| selectors.matches(letter, now)).collect();
        letters.sort_by(|(_, one), (_, other)| (one.sent_at, &one.message_id).cmp(&(other.sent_at, &other.message_id)));
        Self { others: all - letters.len(), letters }
    }

    /// Leaves out all but the first `most`.
    pub fn truncate(&mut self, most: usize) {
        self.others += self.letters.len().saturating_sub(most);
        self.letters.truncate(most);
    }
}

/// A plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// What will be sent, the oldest letter first.
    pub letters: Vec<PlannedLetter>,
    /// What was selected and is left.
    pub left: Vec<LeftLetter>,
    /// How many letters were not selected.
    pub not_selected: usize,
}

impl Plan {
    /// Decides on each letter, the oldest first; of those that can be sent no more than `limit` are. `mended` has new
    /// envelopes: a mended event is no longer what its stage has rejected.
    pub fn new(
        selection: Selection,
        limit: Option<u32>,
        (wishes, options): (Wishes, &Options),
        history: &History,
        mended: &Mended,
    ) -> Self {
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let mut plan = Self { not_selected: selection.others, ..Self::default() };
        for (queue, letter) in selection.letters {
            if plan.letters.len() >= limit {
                plan.not_selected += 1;
                continue;
            }
            let mended = mended.get(&letter.message_id).map(String::as_str);
            match decide(queue, &letter, mended, (wishes, options), history) {
                Ok(planned) => plan.letters.push(planned),
                Err(left) => plan.left.push(LeftLetter {
                    cause: cause(&letter),
                    message_id: letter.message_id,
                    queue,
                    event_id: letter.event_id,
                    left,
                }),
            }
        }
        plan
    }

    /// How many letters of a queue will be sent.
    pub fn of_queue(&self, queue: StageName) -> usize {
        self.letters.iter().filter(|letter| letter.queue == queue).count()
    }
}

fn decide(
    queue: StageName,
    letter: &DeadLetter,
    mended: Option<&str>,
    (wishes, options): (Wishes, &Options),
    history: &History,
) -> Result<PlannedLetter, Left> {
    if letter.origin == Origin::Rejected && mended.is_none() && !wishes.include_rejected {
        return Err(Left::Rejected);
    }
    let parcel = match Parcel::open(mended.unwrap_or(&letter.body)) {
        Ok(parcel) if options.via == Via::Bus => {
            parcel.entry().map_err(|reason| Left::Unsendable { reason })?;
            parcel
        }
        Ok(parcel) => parcel,
        Err(reason) => return Err(Left::Unsendable { reason }),
    };
    let times = history.count(letter.stage, &parcel.event_id);
    if times >= MOST_REDRIVES && !wishes.force {
        return Err(Left::CameBack { times });
    }
    Ok(PlannedLetter {
        message_id: letter.message_id.clone(),
        queue,
        stage: letter.stage,
        event_id: parcel.event_id,
        symbol: letter.symbol.clone(),
        cause: cause(letter),
        sent_before: times,
        original: (parcel.payload != letter.body).then(|| letter.body.clone()),
        body: parcel.payload,
    })
}

fn cause(letter: &DeadLetter) -> String {
    format!("{} {}", letter.origin.words(), letter.code)
}
