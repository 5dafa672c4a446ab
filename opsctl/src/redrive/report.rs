//! What was done.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::machine::Outcome;
use super::plan::{Left, LeftLetter};
use super::progress::Redriven;
use super::word::Word;
use crate::error::ExitStatus;
use crate::human;
use crate::invocation::opsctl;
use crate::journal::{self, RunId};
use crate::output::{Report, Styles};

/// What was done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunReport {
    /// The run; its journal has every body.
    pub run: RunId,
    /// The environment.
    pub environment: String,
    /// What was planned, and what became of each.
    pub letters: Vec<Redriven>,
    /// What was selected and left.
    pub left: Vec<LeftLetter>,
    /// True when somebody stopped it.
    pub stopped: bool,
    /// Why it could not go on, when it could not.
    pub aborted: Option<String>,
    /// How to go on, when there is something left of the plan.
    pub resume: Option<String>,
    /// How long the sending and deleting took.
    pub elapsed_ms: u64,
}

impl RunReport {
    /// How many letters were redriven.
    pub fn redriven(&self) -> usize {
        self.count(|letter| letter.outcome.is_through())
    }

    fn count(&self, is: impl Fn(&Redriven) -> bool) -> usize {
        self.letters.iter().filter(|letter| is(letter)).count()
    }

    /// How the run ended.
    pub fn outcome(&self) -> journal::Outcome {
        match self.redriven() {
            all if all == self.letters.len() => journal::Outcome::Done,
            _ if self.stopped => journal::Outcome::Stopped,
            0 => journal::Outcome::Failed,
            _ => journal::Outcome::Partly,
        }
    }

    /// What came of it, in a line.
    pub fn summary(&self) -> String {
        let mut parts =
            vec![format!("{} of {} redriven", self.redriven(), human::count(self.letters.len() as u64, "letter"))];
        let mut other: BTreeMap<&str, usize> = BTreeMap::new();
        for letter in &self.letters {
            if !letter.outcome.is_through() {
                *other.entry(word(&letter.outcome)).or_default() += 1;
            }
        }
        parts.extend(other.into_iter().map(|(word, count)| format!("{count} {word}")));
        if let Some(reason) = &self.aborted {
            parts.push(format!("given up: {reason}"));
        }
        parts.join(", ")
    }

    /// True when a stage has failed with its event again.
    fn came_back(&self) -> bool {
        self.letters.iter().any(|letter| matches!(letter.stage_says, Some(Word::Rejected | Word::Failing)))
    }

    fn stage_says(&self) -> Vec<String> {
        let asked = self.count(|letter| letter.stage_says.is_some());
        if asked == 0 {
            return Vec::new();
        }
        let said = |is: fn(&Word) -> bool| self.count(|letter| letter.stage_says.as_ref().is_some_and(is));
        let parts = [
            (said(|word| matches!(word, Word::Through(_))), "through their stage"),
            (said(|word| *word == Word::Rejected), "rejected again: new letters are in the queue"),
            (said(|word| *word == Word::Failing), "failing so far: Lambda tries again, then they are letters again"),
            (said(|word| *word == Word::Nothing), "not heard of yet"),
        ];
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect()
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Redriven => "redriven",
        Outcome::Gone => "delivered and gone",
        Outcome::NotDeleted { .. } => "sent but not deleted",
        Outcome::Unproven { .. } => "sent but unproven",
        Outcome::Failed { .. } => "failed",
        Outcome::Unseen => "not seen",
        Outcome::Stopped => "not sent",
    }
}

fn reason(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::NotDeleted { reason } | Outcome::Unproven { reason } | Outcome::Failed { reason } => reason,
        Outcome::Unseen => "it is gone, or in somebody else's hand",
        Outcome::Redriven | Outcome::Gone | Outcome::Stopped => "",
    }
}

impl RunReport {
    /// Writes what became of each letter, and what was left.
    pub fn write_letters(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { good, warn, bad, dim, .. } = *styles;
        for letter in &self.letters {
            let style = match letter.outcome {
                Outcome::Redriven | Outcome::Gone => good,
                Outcome::Failed { .. } | Outcome::NotDeleted { .. } => bad,
                _ => warn,
            };
            let symbol = letter.symbol.as_deref().unwrap_or("-");
            writeln!(
                out,
                "{style}{:20}{style:#}  {} {dim}{} {symbol} {}{dim:#}",
                word(&letter.outcome),
                letter.event_id,
                letter.stage,
                letter.message_id
            )?;
            if !reason(&letter.outcome).is_empty() {
                for line in human::wrap(reason(&letter.outcome), 74) {
                    writeln!(out, "    {dim}{line}{dim:#}")?;
                }
            }
        }
        for letter in &self.left {
            let event = letter.event_id.as_deref().unwrap_or("-");
            writeln!(out, "{warn}{:20}{warn:#}  {event} {dim}{} {}{dim:#}", "left", letter.queue, letter.message_id)?;
            for line in human::wrap(&letter.left.describe(), 74) {
                writeln!(out, "    {dim}{line}{dim:#}")?;
            }
        }
        Ok(())
    }

    /// Writes what came of it in short, and how to go on.
    pub fn write_summary(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, good, bad, dim, .. } = *styles;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a run")]
        let elapsed = human::duration(self.elapsed_ms as f64);
        let style = if self.exit_status() == ExitStatus::Fine { good } else { bad };
        for (number, line) in human::wrap(&format!("{} in {elapsed}", self.summary()), 78).into_iter().enumerate() {
            if number == 0 {
                writeln!(out, "{style}{line}{style:#}")?;
            } else {
                writeln!(out, "  {line}")?;
            }
        }
        for line in self.stage_says() {
            writeln!(out, "  {line}")?;
        }
        writeln!(out, "  {dim}journal: {}{dim:#}", opsctl(format!("journal show {}", self.run)))?;
        if let Some(command) = &self.resume {
            writeln!(out, "  to go on: {heading}{command}{heading:#}")?;
        }
        Ok(())
    }
}

impl Report for RunReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        self.write_letters(out, styles)?;
        self.write_summary(out, styles)
    }

    fn exit_status(&self) -> ExitStatus {
        let refused = self.left.iter().any(|letter| !matches!(letter.left, Left::Rejected));
        match self.outcome() {
            journal::Outcome::Done if !refused && !self.came_back() => ExitStatus::Fine,
            journal::Outcome::Failed => ExitStatus::Failed,
            _ => ExitStatus::Partly,
        }
    }

    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        let letters = self.letters.iter().map(serde_json::to_value);
        letters.chain(self.left.iter().map(serde_json::to_value)).collect()
    }
}
