//! The text of an alert mail.

use serde_json::Value;

use crate::{derived::AlertDetail, rules::Firing};

/// Most characters of a subject (SNS allows fewer than 100... ASCII characters without control characters).
pub const MAX_SUBJECT_CHARS: usize = 100;

/// Where a person can look further.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The trace of the event.
    pub trace: Option<String>,
    /// The event's row.
    pub event: Option<String>,
    /// What to do.
    pub runbook: Option<String>,
}

/// What is published to SNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertMessage {
    /// At most 100 printable ASCII characters.
    pub subject: String,
    /// For people.
    pub text: String,
    /// For machines.
    pub json: Value,
}

impl AlertMessage {
    /// The message for `MessageStructure=json`: the text for mail and everything else, the JSON for machines.
    pub fn sns_structure(&self) -> String {
        String::new()
    }
}

/// Writes the message of one firing. `may_be_repeat`: an earlier attempt may have sent it already.
pub fn render(firing: &Firing, alert: &AlertDetail, links: &Links, may_be_repeat: bool) -> AlertMessage {
    let _ = (firing, alert, links, may_be_repeat);
    AlertMessage { subject: String::new(), text: String::new(), json: Value::Null }
}
