//! What the operator tells.

use std::sync::Arc;

use super::paper::{Paper, PaperLine};
use crate::change::{Needed, Preview as ChangePreview};
use crate::error::Error;
use crate::redrive::{Progress, RunReport, Wishes};
use crate::stack::StageName;

/// What the operator tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// So many letters were read for the preview.
    Read(u64),
    /// This would be done.
    Previewed(Box<Previewed>),
    /// That was no answer; the preview stands.
    Unconfirmed(String),
    /// That was the answer: it begins.
    Confirmed,
    /// It is journaled under this name.
    Began(String),
    /// It is done, and followed: what is waited for.
    Following(String),
    /// So far it is.
    Progress(Progress),
    /// It ended, or could not begin.
    Ended(Result<Box<Outcome>, Complaint>),
}

/// What would be done, as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Previewed {
    /// Every call, what is left and why: what the command prints.
    pub lines: Vec<PaperLine>,
    /// The change.
    pub preview: ChangePreview,
    /// What the answer must be; none when there is nothing to do.
    pub needed: Option<Needed>,
    /// What was asked for beyond the usual; none where there are no wishes.
    pub wishes: Option<Wishes>,
    /// How many letters are left because they were rejected for good, and because they came back too often.
    pub left: (usize, usize),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A redrive, letter by letter.
    Redrive(Box<RunReport>),
    /// An event was sent, and this is its way.
    TestEvent(Arc<Paper>),
    /// A stage is paused.
    Paused(StageName),
    /// A stage takes events again.
    Resumed {
        /// Which.
        stage: StageName,
        /// How many letters have gathered in its queue.
        letters: u64,
    },
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// What failed, or was refused, and why.
    pub message: String,
    /// The reasons below it.
    pub causes: Vec<String>,
    /// What to do about it.
    pub help: Option<String>,
}

impl From<&Error> for Complaint {
    fn from(error: &Error) -> Self {
        Self { message: error.to_string(), causes: error.causes(), help: error.help().map(str::to_owned) }
    }
}
