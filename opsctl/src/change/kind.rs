//! The allow-list.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What opsctl may change. What is not here cannot be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Send dead letters to their stage again and delete what arrived.
    Redrive,
    /// Delete dead letters for good, after they were exported.
    Purge,
    /// Start a replay of the archive.
    StartReplay,
    /// Cancel a replay of the archive.
    CancelReplay,
    /// Keep a stage from taking events.
    Pause,
    /// Let a stage take events again.
    Resume,
    /// Publish events that did not come from a market.
    SendTestEvents,
    /// Replace the alert rules.
    SetRules,
}

impl Change {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Redrive,
        Self::Purge,
        Self::StartReplay,
        Self::CancelReplay,
        Self::Pause,
        Self::Resume,
        Self::SendTestEvents,
        Self::SetRules,
    ];

    /// What it does; completes "about to …" and "refused to …".
    pub const fn action(self) -> &'static str {
        match self {
            Self::Redrive => "send dead letters again",
            Self::Purge => "delete dead letters",
            Self::StartReplay => "start a replay",
            Self::CancelReplay => "cancel a replay",
            Self::Pause => "pause a stage",
            Self::Resume => "resume a stage",
            Self::SendTestEvents => "send events",
            Self::SetRules => "replace the alert rules",
        }
    }

    /// Why it is on the list: what keeps it from doing harm.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Redrive => "a letter leaves its queue only once its event is accepted; the stages drop doubles",
            Self::Purge => "only letters that were exported and synced to disk are deleted, one by one",
            Self::StartReplay => "stages drop what they have processed; rules without send_on_replay send no mail",
            Self::CancelReplay => "what was replayed stays; the archive is not touched",
            Self::Pause => "new events go to the stage's dead letter queue, which keeps them for four days",
            Self::Resume => "restores the concurrency that Terraform deployed",
            Self::SendTestEvents => "events are checked with the pipeline's own validation and carry their own source",
            Self::SetRules => "the document is validated by the code that will read it; the old one is journaled",
        }
    }

    /// True for what is done outside of production without a question: it adds and takes nothing away.
    pub const fn goes_unasked(self) -> bool {
        matches!(self, Self::SendTestEvents)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.action())
    }
}
