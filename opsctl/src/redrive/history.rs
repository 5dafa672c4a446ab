//! How often events were redriven before, from the journals: whoever comes back again and again is poison.

use std::collections::HashMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::machine::Record;
use super::record::Written;
use crate::change::Change;
use crate::error::Result;
use crate::journal;
use crate::stack::{Stack, StageName};

/// Runs that began longer ago do not count. A letter lives four days in its queue, and each redrive makes a new one.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How often each event was accepted by a stage in earlier runs on this stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History(HashMap<(StageName, String), u32>);

impl History {
    /// Reads the journals in `dir`.
    pub fn read(dir: &Path, stack: &Stack, now: Timestamp) -> Result<Self> {
        let mut history = Self::default();
        for entry in journal::list(dir)? {
            let header = &entry.header;
            let recent = now.duration_since(header.started_at) < REMEMBERED;
            if header.change == Change::Redrive && header.is_of(stack) && recent {
                for written in journal::records_of::<Written>(dir, &header.run, "accepted")? {
                    if let Written { record: Record::Accepted { .. }, stage: Some(stage), event_id: Some(id) } = written
                    {
                        history.add(stage, id);
                    }
                }
            }
        }
        Ok(history)
    }

    /// Counts one redrive.
    pub fn add(&mut self, stage: StageName, event_id: String) {
        *self.0.entry((stage, event_id)).or_default() += 1;
    }

    /// How often the event was redriven to the stage.
    pub fn count(&self, stage: StageName, event_id: &str) -> u32 {
        self.0.get(&(stage, event_id.to_owned())).copied().unwrap_or_default()
    }
}
