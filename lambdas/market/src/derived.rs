//! The events that stages publish: Validated and Alert.
//!
//! Their ids are made from the raw event's, so a second publish of the same thing has the same id.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    business::Tag,
    enrichment::Enrichment,
    event::{MarketEvent, SCHEMA_VERSION, check_version},
    fault::{Fault, FaultCode, Rejection, RejectionCode, printable, quote, type_name},
    identifier::{EventId, RuleId},
    rules::{Facts, References},
};

/// Most characters of a reader's error that a fault shows; it may quote the input.
const MAX_ERROR_CHARS: usize = 200;

/// What follows an event through the stages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The raw event's id: the same in everything that comes of it.
    pub correlation_id: EventId,
    /// Id of the event that caused this one.
    pub causation_id: String,
    /// X-Ray header of the publisher, when it was traced (the bus does not show it to the receiver).
    #[serde(default)]
    pub trace_header: Option<String>,
    /// Name of the archive replay, when the raw event came from one.
    #[serde(default)]
    pub replay: Option<String>,
    /// Every stage logs everything about the event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub debug: bool,
}

/// Id of the Validated event: `{event_id}:validated`.
pub fn validated_id(event_id: &EventId) -> String {
    format!("{event_id}:validated")
}

/// Id of the Alert event: `{event_id}:alert`.
pub fn alert_id(event_id: &EventId) -> String {
    format!("{event_id}:alert")
}

/// Detail of a Validated event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatedDetail {
    /// Always [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// [`validated_id`] of the event.
    pub event_id: String,
    /// The event.
    pub event: MarketEvent,
    /// Where it came from.
    pub metadata: Metadata,
}

impl ValidatedDetail {
    /// The Validated event of a raw event.
    pub fn new(event: MarketEvent, trace_header: Option<String>, replay: Option<String>) -> Self {
        let metadata = Metadata {
            correlation_id: event.event_id.clone(),
            causation_id: event.event_id.to_string(),
            trace_header,
            replay,
            debug: false,
        };
        Self { schema_version: SCHEMA_VERSION, event_id: validated_id(&event.event_id), event, metadata }
    }

    /// Reads a detail from the bus.
    pub fn from_json(detail: &Value) -> Result<Self, Rejection> {
        let parsed: Self = parse(detail)?;
        check_id(&parsed.event_id, &validated_id(&parsed.event.event_id))?;
        Ok(parsed)
    }
}

/// Detail of an Alert event: all that notification judges and writes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertDetail {
    /// Always [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// [`alert_id`] of the event.
    pub event_id: String,
    /// The event.
    pub event: MarketEvent,
    /// What was computed for it.
    pub enrichment: Enrichment,
    /// What rules need to know of earlier events.
    pub references: References,
    /// What business rules said.
    pub tags: Vec<Tag>,
    /// The alert rules that held when processing looked; notification looks again.
    pub rules: Vec<RuleId>,
    /// Where it came from.
    pub metadata: Metadata,
}

impl AlertDetail {
    /// The Alert event that follows from a Validated one with `validated` metadata.
    pub fn new(
        event: MarketEvent,
        enrichment: Enrichment,
        references: References,
        tags: Vec<Tag>,
        rules: Vec<RuleId>,
        validated: &Metadata,
        trace_header: Option<String>,
    ) -> Self {
        let metadata = Metadata {
            correlation_id: validated.correlation_id.clone(),
            causation_id: validated_id(&event.event_id),
            trace_header,
            replay: validated.replay.clone(),
            debug: validated.debug,
        };
        let event_id = alert_id(&event.event_id);
        Self { schema_version: SCHEMA_VERSION, event_id, event, enrichment, references, tags, rules, metadata }
    }

    /// Reads a detail from the bus.
    pub fn from_json(detail: &Value) -> Result<Self, Rejection> {
        let parsed: Self = parse(detail)?;
        check_id(&parsed.event_id, &alert_id(&parsed.event.event_id))?;
        Ok(parsed)
    }

    /// What rules judge on.
    pub fn facts(&self) -> Facts<'_> {
        Facts { event: &self.event, enrichment: &self.enrichment, references: &self.references, tags: &self.tags }
    }
}

fn parse<T: for<'de> Deserialize<'de>>(detail: &Value) -> Result<T, Rejection> {
    let Value::Object(object) = detail else {
        let message = format!("must be an object, not {}", type_name(detail));
        return Err(Rejection::single(RejectionCode::Malformed, "detail", FaultCode::WrongType, message));
    };
    check_version(object)?;
    // The event is checked first for its own full list of faults; serde stops at the first.
    if let Some(event) = object.get("event") {
        MarketEvent::from_json(event).map_err(below_event)?;
    }
    // By way of text: reading out of a value may change a number's last digit, see `decimal`.
    serde_json::from_str(&detail.to_string()).map_err(|error| {
        let message = printable(&error.to_string(), MAX_ERROR_CHARS);
        Rejection::single(RejectionCode::Validation, "detail", FaultCode::BadFormat, message)
    })
}

/// The event's faults with the path that they have in the detail.
fn below_event(rejection: Rejection) -> Rejection {
    let faults = rejection.faults.into_iter().map(|fault| match fault.field.as_str() {
        "detail" => Fault { field: "event".to_owned(), ..fault },
        field => Fault { field: format!("event.{field}"), ..fault },
    });
    Rejection::new(RejectionCode::Validation, faults.collect())
}

fn check_id(found: &str, expected: &str) -> Result<(), Rejection> {
    if found == expected {
        return Ok(());
    }
    let message = format!("must be {expected}, not {}", quote(found));
    Err(Rejection::single(RejectionCode::Validation, "event_id", FaultCode::Inconsistent, message))
}
