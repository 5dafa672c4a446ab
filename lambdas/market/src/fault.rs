//! What is wrong with an input, said once and in full: faults, and the rejection they add up to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Most bytes of [`Rejection::summary`]: what Lambda itself keeps of an error message (1 KB).
pub const MAX_SUMMARY_BYTES: usize = 1024;
/// Most bytes of [`Rejection::faults_json`], an SQS message attribute that shares 256 KB with the envelope.
pub const MAX_FAULTS_BYTES: usize = 8 * 1024;
/// Most characters of an input value that a message quotes.
const MAX_QUOTED_CHARS: usize = 48;

/// The kind of a fault. Stable: dead letters are grouped by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    /// A required field is absent or null.
    Missing,
    /// The value has the wrong JSON type.
    WrongType,
    /// The text does not have the required form.
    BadFormat,
    /// The value is outside what is allowed.
    OutOfRange,
    /// The number does not fit a 96-bit decimal exactly; it would have to be rounded.
    NotExact,
    /// The value is none of the known ones.
    UnknownValue,
    /// A field that the document does not have.
    UnknownField,
    /// Two fields contradict each other.
    Inconsistent,
    /// The same identifier twice.
    Duplicate,
    /// Longer or more numerous than allowed.
    TooLarge,
    /// A version that this code does not know.
    UnknownVersion,
    /// Not JSON at all.
    NotJson,
}

/// One fault of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Path of the field, such as `price` or `rules[2].condition.threshold`; empty for the whole input.
    pub field: String,
    /// What kind of fault.
    pub code: FaultCode,
    /// One sentence for a person, without the field's name. Quoted input is shortened and has no control characters.
    pub message: String,
}

impl Fault {
    /// A fault of `field`.
    pub fn new(field: impl Into<String>, code: FaultCode, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.field, self.message) }
    }
}

/// Why an event is rejected for good. The text form is the dead letter's `ErrorCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RejectionCode {
    /// Fields of a known version are wrong.
    Validation,
    /// The schema version is not known here.
    UnknownVersion,
    /// Not an event envelope, or its detail is not an object.
    Malformed,
    /// The event was never stored, so it must not be processed. Decided by processing, not by this crate.
    NotStored,
}

impl RejectionCode {
    /// The text that stands in the dead letter's `ErrorCode`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validation => "VALIDATION",
            Self::UnknownVersion => "UNKNOWN_VERSION",
            Self::Malformed => "MALFORMED",
            Self::NotStored => "NOT_STORED",
        }
    }
}

impl fmt::Display for RejectionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A permanent rejection: retrying cannot help. Has at least one fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.summary())]
pub struct Rejection {
    /// The kind of rejection.
    pub code: RejectionCode,
    /// Everything that is wrong, in the order of the schema's fields.
    pub faults: Vec<Fault>,
}

impl Rejection {
    /// A rejection of the given faults.
    pub fn new(code: RejectionCode, faults: Vec<Fault>) -> Self {
        Self { code, faults }
    }

    /// A rejection with one fault.
    pub fn single(code: RejectionCode, field: impl Into<String>, fault: FaultCode, message: impl Into<String>) -> Self {
        Self::new(code, vec![Fault::new(field, fault, message)])
    }

    /// All faults in one line of at most [`MAX_SUMMARY_BYTES`] bytes, such as `price: must be greater than 0; size: is
    /// missing`. For `ErrorMessage` and the audit row.
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            let next = format!("{separator}{fault}");
            let more = format!("; and {} more", self.faults.len() - index);
            if text.len() + next.len() + more.len() > MAX_SUMMARY_BYTES {
                text.push_str(if index == 0 { "too many faults to list" } else { &more });
                break;
            }
            text.push_str(&next);
        }
        text
    }

    /// The faults as a JSON array of at most [`MAX_FAULTS_BYTES`] bytes. When not all fit, the last element says how many
    /// are missing.
    pub fn faults_json(&self) -> String {
        let mut parts: Vec<String> = Vec::with_capacity(self.faults.len());
        let mut length = 2;
        for (index, fault) in self.faults.iter().enumerate() {
            let text = serde_json::to_string(fault).unwrap_or_default();
            let more = Fault::new("", FaultCode::TooLarge, format!("and {} more faults", self.faults.len() - index));
            let more = serde_json::to_string(&more).unwrap_or_default();
            if length + text.len() + 1 + more.len() > MAX_FAULTS_BYTES {
                parts.push(more);
                break;
            }
            length += text.len() + 1;
            parts.push(text);
        }
        format!("[{}]", parts.join(","))
    }
}

/// Input text as a message may show it: quoted, shortened, without control or non-printing characters.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", printable(text, MAX_QUOTED_CHARS))
}

/// At most `limit` characters of a text, without control or non-printing ones.
pub(crate) fn printable(text: &str, limit: usize) -> String {
    // Noncharacters such as U+FFFE would make SQS refuse the dead letter's attribute.
    let refused = |character: char| character.is_control() || ('\u{fff0}'..='\u{ffff}').contains(&character);
    let characters = text.chars().take(limit);
    let mut shown: String = characters.map(|c| if refused(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

/// The JSON type of a value, for "must be …, not …".
pub(crate) fn type_name(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "text",
        serde_json::Value::Array(_) => "a list",
        serde_json::Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(count: usize) -> Rejection {
        let faults =
            (0..count).map(|n| Fault::new(format!("field{n}"), FaultCode::Missing, "is missing \u{e9}")).collect();
        Rejection::new(RejectionCode::Validation, faults)
    }

    #[test]
    fn a_summary_lists_all_faults_when_they_fit() {
        assert_eq!(many(2).summary(), "field0: is missing \u{e9}; field1: is missing \u{e9}");
    }

    #[test]
    fn summaries_and_lists_stay_within_their_limits_and_say_what_is_left_out() {
        let rejection = many(1000);
        let summary = rejection.summary();
        assert!(summary.len() <= MAX_SUMMARY_BYTES, "{} bytes", summary.len());
        let listed = summary.matches("is missing").count();
        assert!(summary.ends_with(&format!("and {} more", 1000 - listed)), "{summary}");

        let json = rejection.faults_json();
        assert!(json.len() <= MAX_FAULTS_BYTES, "{} bytes", json.len());
        let faults: Vec<Fault> = serde_json::from_str(&json).unwrap();
        assert_eq!(faults.last().unwrap().message, format!("and {} more faults", 1000 - (faults.len() - 1)));
    }

    #[test]
    fn one_fault_too_long_to_show_is_still_reported() {
        let rejection =
            Rejection::single(RejectionCode::Validation, "x".repeat(9000), FaultCode::Missing, "is missing");
        assert_eq!(rejection.summary(), "too many faults to list");
        assert!(rejection.faults_json().contains("1 more faults"));
    }

    #[test]
    fn quotes_are_short_and_printable() {
        assert_eq!(quote("a\u{0}b\u{fffe}"), "'a\u{fffd}b\u{fffd}'");
        assert_eq!(quote(&"x".repeat(100)).chars().count(), MAX_QUOTED_CHARS + 3);
    }

    #[test]
    fn codes_serialise_as_they_are_named_in_dead_letters() {
        for code in [
            RejectionCode::Validation,
            RejectionCode::UnknownVersion,
            RejectionCode::Malformed,
            RejectionCode::NotStored,
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
