//! Pausing a stage, and letting it go on.

use serde_json::json;

use super::operator::{Teller, Tools};
use super::paper;
use super::told::{Outcome, Previewed, Told};
use crate::change::{Change, Gate, Permit, Preview};
use crate::error::{Error, Result};
use crate::journal::{Header, Journal};
use crate::pausing::{self, StageSwitch};
use crate::stack::StageName;

/// A pause, or its end, that was previewed.
#[derive(Debug)]
pub(super) struct PreparedSwitch {
    switch: StageSwitch,
    preview: Preview,
}

impl PreparedSwitch {
    /// Reads what a pause would do. Refused when the stage is paused.
    pub(super) async fn pause(tools: &Tools, stage: StageName) -> Result<Self> {
        let switch = pausing::read(&tools.clients, &tools.stack, stage).await?;
        if switch.function.is_paused() {
            return Err(Error::refused(format!("{stage} is paused already"), "P on it resumes it"));
        }
        let preview = switch.pause_preview(&tools.stack);
        Ok(Self { switch, preview })
    }

    /// Reads what the end of a pause would do. Refused when the stage is not paused, or there is nothing to go back to.
    pub(super) async fn resume(tools: &Tools, stage: StageName) -> Result<Self> {
        let switch = pausing::read(&tools.clients, &tools.stack, stage).await?;
        if !switch.function.is_paused() {
            return Err(Error::refused(format!("{stage} is not paused"), "R reads again how it is"));
        }
        pausing::can_resume(&switch)?;
        let preview = switch.resume_preview(&tools.stack);
        Ok(Self { switch, preview })
    }

    pub(super) fn preview(&self) -> &Preview {
        &self.preview
    }

    pub(super) fn shown(&self, gate: &Gate) -> Previewed {
        Previewed {
            lines: paper::lines_of(&self.preview),
            needed: Some(gate.needs(&self.preview)),
            wishes: None,
            left: (0, 0),
            preview: self.preview.clone(),
        }
    }

    pub(super) async fn carry_out(self, tools: Tools, permit: Permit, teller: Teller) -> Result<Outcome> {
        let Tools { clients, stack, journal_dir } = &tools;
        let stage = self.switch.function.stage;
        let command = if self.preview.change == Change::Pause { "pause" } else { "resume" };
        let header = Header::new(command, self.preview.change, stack, json!({ "stage": stage }));
        let journal = Journal::create(journal_dir, &header)?;
        teller.tell(Told::Began(journal.run().to_string()));
        if self.preview.change == Change::Pause {
            pausing::pause(&clients.lambda, stack, &self.switch, &journal, &permit).await?;
            return Ok(Outcome::Paused(stage));
        }
        pausing::resume(&clients.lambda, stack, &self.switch, &journal, &permit).await?;
        // What came while it was previewed counts too; when that cannot be read, what was there before does.
        let letters = pausing::read(clients, stack, stage).await.map_or(self.switch.letters, |now| now.letters);
        Ok(Outcome::Resumed { stage, letters: letters.total() })
    }
}
