//! What to run, or to press, about a finding.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::invocation::{opsctl, quoted};
use crate::stack::StageName;

/// What can be done about a finding with opsctl. The screen has a key for each, the shell a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// Look at a stage's dead letters.
    PeekLetters(StageName),
    /// Hand a stage's dead letters to it again.
    Redrive(StageName),
    /// Let a paused stage work again.
    Resume(StageName),
    /// See what an alarm did.
    AlarmHistory(String),
    /// See all that is known of an event.
    ShowEvent(String),
    /// Prove that events pass.
    SendTestEvent,
}

impl Remedy {
    /// True when it changes something: the past cannot be mended.
    pub const fn is_change(&self) -> bool {
        match self {
            Self::Redrive(_) | Self::Resume(_) | Self::SendTestEvent => true,
            Self::PeekLetters(_) | Self::AlarmHistory(_) | Self::ShowEvent(_) => false,
        }
    }

    /// The command, as it is typed.
    pub fn command(&self) -> String {
        match self {
            Self::PeekLetters(stage) => opsctl(format!("dlq peek {stage}")),
            Self::Redrive(stage) => opsctl(format!("redrive dlq {stage}")),
            Self::Resume(stage) => opsctl(format!("resume {stage}")),
            Self::AlarmHistory(alarm) => opsctl(format!("alarms history {alarm}")),
            Self::ShowEvent(id) => opsctl(format!("events show {}", quoted(id))),
            Self::SendTestEvent => opsctl("send-test-event --wait"),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::PeekLetters(_) => "peek_letters",
            Self::Redrive(_) => "redrive",
            Self::Resume(_) => "resume",
            Self::AlarmHistory(_) => "alarm_history",
            Self::ShowEvent(_) => "show_event",
            Self::SendTestEvent => "send_test_event",
        }
    }
}

impl Serialize for Remedy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Remedy", 2)?;
        object.serialize_field("kind", self.name())?;
        object.serialize_field("command", &self.command())?;
        object.end()
    }
}
