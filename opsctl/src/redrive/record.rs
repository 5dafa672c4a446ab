//! What a redrive writes into its journal, and what a resumed one reads there.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::machine::{Accepted, Known, MessageId, Record};
use super::options::Options;
use super::plan::{LeftLetter, PlannedLetter};
use crate::error::{Error, Result};
use crate::journal::{Journal, Recording};
use crate::stack::StageName;

/// The plan, which is on disk before the first event is sent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
enum PlanRecord {
    /// A letter that will be sent, with its bodies.
    Planned(PlannedLetter),
    /// A letter that was selected and will not be sent.
    Left(LeftLetter),
    /// The plan is whole.
    PlanComplete {
        /// How many letters are planned.
        letters: usize,
    },
}

/// A record with what is needed to count an event's redrives: by its id, since a letter that comes back is a new message.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Written {
    #[serde(flatten)]
    pub(super) record: Record,
    /// The stage that it was sent to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stage: Option<StageName>,
    /// The event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) event_id: Option<String>,
}

/// Writes the plan and returns once it is on disk.
pub fn save_plan(journal: &Journal, letters: &[PlannedLetter], left: &[LeftLetter]) -> Result<()> {
    let planned = letters.iter().cloned().map(PlanRecord::Planned);
    let records: Vec<PlanRecord> = planned.chain(left.iter().cloned().map(PlanRecord::Left)).collect();
    journal.write_all(&records)?;
    journal.write(&PlanRecord::PlanComplete { letters: letters.len() })?;
    journal.sync()
}

/// An interrupted run, as its journal tells it.
#[derive(Debug)]
pub struct Resumed {
    /// How it was to be done.
    pub options: Options,
    /// Its plan.
    pub letters: Vec<PlannedLetter>,
    /// What is known of each letter.
    pub known: HashMap<MessageId, Known>,
    /// How events were accepted.
    pub accepted: HashMap<MessageId, Accepted>,
}

impl Resumed {
    /// Reads a run. A run whose plan was not saved whole has sent nothing: there is nothing to resume.
    pub fn read(recording: &Recording) -> Result<Self> {
        let run = &recording.entry.header.run;
        let unusable = |why: &str| {
            Error::usage(format!("failed to resume run {run}: {why}"), "start a new redrive: nothing is lost by that")
        };
        let options = serde_json::from_value(recording.entry.header.arguments["options"].clone())
            .map_err(|_| unusable("its journal does not say how it was to be done"))?;
        let mut letters = Vec::new();
        let mut whole = false;
        for record in recording.records_as::<PlanRecord>() {
            match record {
                PlanRecord::Planned(letter) => letters.push(letter),
                PlanRecord::Left(_) => {}
                PlanRecord::PlanComplete { letters: count } => whole = count == letters.len(),
            }
        }
        if !whole {
            return Err(unusable("it ended before it had sent anything"));
        }
        let mut known: HashMap<MessageId, Known> = HashMap::new();
        let mut accepted_as = HashMap::new();
        let mut learn = |id: MessageId, what: Known| {
            known.entry(id).and_modify(|known| *known = what.max(*known)).or_insert(what);
        };
        for record in recording.records_as::<Record>() {
            match record {
                Record::Accepted { message_id, accepted } => {
                    accepted_as.insert(message_id.clone(), accepted);
                    learn(message_id, Known::Accepted);
                }
                Record::Proven { message_id, .. } => learn(message_id, Known::Proven),
                Record::Deleted { message_ids } => {
                    for id in message_ids {
                        learn(id, Known::Deleted);
                    }
                }
                Record::Unknown { .. } | Record::Failed { .. } => {}
            }
        }
        Ok(Self { options, letters, known, accepted: accepted_as })
    }
}
