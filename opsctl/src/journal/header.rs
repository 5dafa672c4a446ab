//! The first and the last record of a run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RunId;
use crate::change::Change;
use crate::stack::Stack;

/// What a run is: the first line of its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its name.
    pub run: RunId,
    /// What was called: `redrive dlq`.
    pub command: String,
    /// What it changes.
    pub change: Change,
    /// The environment that it changes.
    pub environment: String,
    /// AWS account.
    pub account_id: String,
    /// AWS region.
    pub region: String,
    /// When it started, by this machine's clock.
    pub started_at: Timestamp,
    /// What it was told: the selection and the options, enough to take it up again.
    pub arguments: serde_json::Value,
    /// The version of opsctl.
    pub opsctl: String,
}

impl Header {
    /// The header of a run that starts now.
    pub fn new(command: impl Into<String>, change: Change, stack: &Stack, arguments: serde_json::Value) -> Self {
        let started_at = Timestamp::now();
        Self {
            run: RunId::new(started_at),
            command: command.into(),
            change,
            environment: stack.environment.clone(),
            account_id: stack.account_id.clone(),
            region: stack.region.clone(),
            started_at,
            arguments,
            opsctl: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// True when the run was about this stack.
    pub fn is_of(&self, stack: &Stack) -> bool {
        (&self.environment, &self.account_id, &self.region) == (&stack.environment, &stack.account_id, &stack.region)
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All of it was done.
    Done,
    /// Some of it was done.
    Partly,
    /// Somebody stopped it; it can be taken up again.
    Stopped,
    /// It failed.
    Failed,
}

impl Outcome {
    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Partly => "partly",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }
}

/// The last record of a run, unless it was interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finish {
    /// How it ended.
    pub outcome: Outcome,
    /// What came of it, in a line.
    pub summary: String,
    /// When, by this machine's clock.
    pub at: Timestamp,
}
