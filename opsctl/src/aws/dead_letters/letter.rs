//! One message of a dead letter queue, and why it is there.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use jiff::Timestamp;
use market::fault::Fault;
use serde::Serialize;
use serde_json::Value;

use crate::stack::StageName;

/// What to ask SQS for beside the message, so that [`DeadLetter::from_message`] finds all of it.
pub const SYSTEM_ATTRIBUTES: [MessageSystemAttributeName; 2] =
    [MessageSystemAttributeName::SentTimestamp, MessageSystemAttributeName::ApproximateReceiveCount];

/// How a message came into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The function rejected the event for good and put it there itself.
    Rejected,
    /// Lambda gave up after its attempts.
    Lambda,
    /// `EventBridge` could not hand the event to the function.
    EventBridge,
    /// None of the three: someone else's message.
    Unknown,
}

impl Origin {
    /// What became of the event, in a word or two: `rejected`, `gave up`, `undelivered`, `unknown`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Lambda => "gave up",
            Self::EventBridge => "undelivered",
            Self::Unknown => "unknown",
        }
    }

    /// The name on the command line and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Lambda => "lambda",
            Self::EventBridge => "event_bridge",
            Self::Unknown => "unknown",
        }
    }
}

/// A message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// `String`, `Number` …
    #[serde(rename = "type")]
    pub data_type: String,
    /// Its value.
    pub value: String,
}

/// A message in a dead letter queue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeadLetter {
    /// Its id in the queue.
    pub message_id: String,
    /// How it came there.
    pub origin: Origin,
    /// `VALIDATION`, `200`, `NO_PERMISSIONS` …: the code of its origin.
    pub code: String,
    /// What went wrong, in the words of its origin.
    pub message: String,
    /// The stage that could not do it: its own word, else the queue's.
    pub stage: StageName,
    /// When it came into the queue.
    pub sent_at: Option<Timestamp>,
    /// The event's id, where the body has one.
    pub event_id: Option<String>,
    /// The event's symbol, where the body has one.
    pub symbol: Option<String>,
    /// The event's type, where the body has one.
    pub event_type: Option<String>,
    /// How often it was received, looks included.
    pub receive_count: Option<u32>,
    /// Everything that the function found wrong, when it rejected the event.
    pub faults: Vec<Fault>,
    /// Its attributes as they are.
    pub attributes: BTreeMap<String, Attribute>,
    /// The body as it is: the original envelope.
    #[serde(skip)]
    pub body: String,
    /// What a delete or a release names it by: good until the message is received again.
    #[serde(skip)]
    pub receipt: Option<String>,
}

/// Messages that failed for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// How they came there.
    pub origin: Origin,
    /// Their code.
    pub code: String,
    /// The stage that could not do them.
    pub stage: StageName,
    /// The words of one of them.
    pub example: String,
    /// The event's id of that one.
    pub example_event_id: Option<String>,
    /// How many of those looked at.
    pub count: usize,
}

impl DeadLetter {
    /// Reads a message of the queue of `queue_stage`.
    pub fn from_message(queue_stage: StageName, message: &Message) -> Self {
        let attributes: BTreeMap<String, Attribute> = message
            .message_attributes()
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| {
                let (data_type, value) = (value.data_type().to_owned(), value.string_value()?.to_owned());
                Some((name.clone(), Attribute { data_type, value }))
            })
            .collect();
        let attribute = |name: &str| attributes.get(name).map(|attribute| attribute.value.clone());
        let body = message.body().unwrap_or_default();
        let envelope: Value = serde_json::from_str(body).unwrap_or_default();
        let (origin, code, words) = if attribute("RULE_ARN").is_some() {
            (Origin::EventBridge, attribute("ERROR_CODE"), attribute("ERROR_MESSAGE"))
        } else if attribute("Stage").is_some() {
            (Origin::Rejected, attribute("ErrorCode"), attribute("ErrorMessage"))
        } else if attribute("RequestID").is_some() {
            (Origin::Lambda, attribute("ErrorCode"), attribute("ErrorMessage"))
        } else {
            (Origin::Unknown, None, None)
        };
        let system = |name: &MessageSystemAttributeName| {
            message.attributes().and_then(|attributes| attributes.get(name)).map(String::as_str)
        };
        let sent_at = system(&MessageSystemAttributeName::SentTimestamp)
            .and_then(|text| text.parse().ok())
            .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
        let receive_count =
            system(&MessageSystemAttributeName::ApproximateReceiveCount).and_then(|text| text.parse().ok());
        // Whoever sent another list of faults said in words what is wrong, too.
        let faults = attribute("Faults").and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let stage = attribute("Stage");
        Self {
            message_id: message.message_id().unwrap_or_default().to_owned(),
            origin,
            code: code.unwrap_or_else(|| "unknown".to_owned()),
            message: readable(&words.unwrap_or_default()),
            stage: StageName::ALL
                .into_iter()
                .find(|name| Some(name.as_str()) == stage.as_deref())
                .unwrap_or(queue_stage),
            sent_at,
            event_id: detail(&envelope, "event_id").or_else(|| text(&envelope["id"])),
            symbol: detail(&envelope, "symbol"),
            event_type: detail(&envelope, "event_type"),
            receive_count,
            faults,
            attributes,
            body: body.to_owned(),
            receipt: message.receipt_handle().map(str::to_owned),
        }
    }
}

/// A field of the raw event, or of the event that a derived one carries.
fn detail(envelope: &Value, field: &str) -> Option<String> {
    text(&envelope["detail"]["event"][field]).or_else(|| text(&envelope["detail"][field]))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Lambda's message is the handler's error as JSON; a person wants the words in it.
fn readable(words: &str) -> String {
    let error: Value = serde_json::from_str(words).unwrap_or_default();
    text(&error["errorMessage"]).unwrap_or_else(|| words.to_owned())
}

/// Groups by origin, code and stage, the most frequent first. The messages' words differ in ids and values, so one
/// stands for all.
pub fn group(letters: &[DeadLetter]) -> Vec<Cause> {
    let mut groups: BTreeMap<(Origin, &str, StageName), Vec<&DeadLetter>> = BTreeMap::new();
    for letter in letters {
        groups.entry((letter.origin, &letter.code, letter.stage)).or_default().push(letter);
    }
    let mut causes: Vec<Cause> = groups
        .into_iter()
        .filter_map(|((origin, code, stage), letters)| {
            let example = letters.iter().min_by_key(|letter| letter.sent_at)?;
            Some(Cause {
                origin,
                code: code.to_owned(),
                stage,
                example: example.message.clone(),
                example_event_id: example.event_id.clone(),
                count: letters.len(),
            })
        })
        .collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
    causes
}

/// Messages for tests.
#[cfg(test)]
pub(crate) mod samples {
    use aws_sdk_sqs::types::MessageAttributeValue;

    use super::*;

    /// A message, put there in November 2026, received once, with these text attributes.
    pub(crate) fn message(id: &str, body: &str, attributes: &[(&str, &str)]) -> Message {
        let mut message = Message::builder()
            .message_id(id)
            .receipt_handle(format!("receipt-{id}"))
            .body(body)
            .attributes(MessageSystemAttributeName::SentTimestamp, "1795348800000")
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, "1");
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(*value).build().unwrap();
            message = message.message_attributes(*name, value);
        }
        message.build()
    }

    /// A raw event that ingestion rejected.
    pub(crate) fn rejected(id: &str, code: &str, reason: &str) -> DeadLetter {
        let attributes = [("Stage", "ingestion"), ("RequestID", "r"), ("ErrorCode", code), ("ErrorMessage", reason)];
        let body = format!(
            r#"{{"id":"bus-{id}","detail":{{"event_id":"{id}","event_type":"trade","symbol":"BTCUSDT","price":"-1"}}}}"#
        );
        DeadLetter::from_message(StageName::Ingestion, &message(&format!("m-{id}"), &body, &attributes))
    }
}

#[cfg(test)]
mod tests {
    use super::samples::message;
    use super::*;

    #[test]
    fn each_origin_is_known_by_its_attributes() {
        let raw = r#"{"id":"bus-1","detail":{"event_id":"e1","symbol":"BTCUSDT"}}"#;
        let derived =
            r#"{"id":"bus-2","detail":{"event_id":"e1:validated","event":{"event_id":"e1","symbol":"BTCUSDT"}}}"#;
        let cases = [
            (
                raw,
                &[("Stage", "ingestion"), ("RequestID", "r"), ("ErrorCode", "VALIDATION"), ("ErrorMessage", "price")][..],
                (Origin::Rejected, "VALIDATION", "price", StageName::Ingestion),
            ),
            (
                derived,
                &[("RequestID", "r"), ("ErrorCode", "200"), ("ErrorMessage", r#"{"errorMessage":"timed out"}"#)],
                (Origin::Lambda, "200", "timed out", StageName::Processing),
            ),
            (
                derived,
                &[("RULE_ARN", "a"), ("ERROR_CODE", "NO_PERMISSIONS"), ("ERROR_MESSAGE", "no")],
                (Origin::EventBridge, "NO_PERMISSIONS", "no", StageName::Processing),
            ),
            (derived, &[], (Origin::Unknown, "unknown", "", StageName::Processing)),
        ];
        for (body, attributes, expected) in cases {
            let letter = DeadLetter::from_message(StageName::Processing, &message("m", body, attributes));
            assert_eq!((letter.origin, letter.code.as_str(), letter.message.as_str(), letter.stage), expected);
            assert_eq!((letter.event_id.as_deref(), letter.symbol.as_deref()), (Some("e1"), Some("BTCUSDT")));
        }
        let letter = DeadLetter::from_message(StageName::Ingestion, &message("m", "not json", &[]));
        assert_eq!((letter.event_id, letter.body.as_str()), (None, "not json"));
    }
}
