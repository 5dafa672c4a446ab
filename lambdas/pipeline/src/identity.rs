//! Whose invocation it is, as far as can be told before anything is validated: for logs, traces and the audit row, which
//! must name the event even when it is rejected.

use jiff::Timestamp;
use market::event::{EventType, Symbol};
use market::identifier::EventId;
use serde_json::Value;

/// What an envelope says about the event in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The market event's id; if there is none or it is not valid, the envelope's; at last Lambda's request id.
    pub(crate) event_id: String,
    /// The raw event's id.
    pub(crate) correlation_id: Option<String>,
    /// The instrument.
    pub(crate) symbol: Option<String>,
    /// Trade, quote or bar.
    pub(crate) event_type: Option<&'static str>,
    /// The exchange's time; the envelope's if the event has none.
    pub(crate) timestamp: Option<Timestamp>,
    /// The event asks for everything about it to be logged.
    pub(crate) debug: bool,
}

impl Identity {
    /// Reads what can be read.
    pub(crate) fn of(payload: &str, request_id: &str) -> Self {
        let envelope: Value = serde_json::from_str(payload).unwrap_or_default();
        let detail = &envelope["detail"];
        // What stages publish carries the event as a whole; a raw detail is the event.
        let event = if detail["event"].is_object() { &detail["event"] } else { detail };
        let id = |value: &Value| value.as_str().and_then(|text| EventId::new(text).ok()).map(String::from);
        let time = |value: &Value| value.as_str().and_then(|text| market::time::parse(text).ok());
        let event_id = id(&event["event_id"]).or_else(|| id(&envelope["id"]));
        Self {
            correlation_id: id(&detail["metadata"]["correlation_id"]).or_else(|| event_id.clone()),
            event_id: event_id.unwrap_or_else(|| request_id.to_owned()),
            symbol: event["symbol"].as_str().and_then(|text| Symbol::new(text).ok()).map(String::from),
            event_type: event["event_type"].as_str().and_then(|text| text.parse().ok()).map(EventType::as_str),
            timestamp: time(&event["timestamp"]).or_else(|| time(&envelope["time"])),
            debug: detail["metadata"]["debug"] == true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_by_the_best_id_there_is() {
        let id = |payload: &str| Identity::of(payload, "r-1").event_id;
        assert_eq!(id(r#"{"id":"bus-1","detail":{"event_id":"e-1"}}"#), "e-1");
        assert_eq!(id(r#"{"id":"bus-1","detail":{"event_id":"not valid"}}"#), "bus-1");
        assert_eq!(id(r#"{"id":"bus-1","detail":{"event_id":"e-1:validated","event":{"event_id":"e-1"}}}"#), "e-1");
        assert_eq!(id(r#"["neither"]"#), "r-1");
    }

    #[test]
    fn what_is_not_valid_is_not_said() {
        let payload =
            r#"{"id":"b","time":"2021-01-08T00:00:00Z","detail":{"symbol":"no symbol","event_type":"rumour"}}"#;
        let identity = Identity::of(payload, "r-1");
        assert_eq!((identity.symbol, identity.event_type), (None, None));
        assert_eq!(identity.timestamp, market::time::parse("2021-01-08T00:00:00Z").ok());
    }
}
