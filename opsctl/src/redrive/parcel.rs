//! The event in a dead letter: what is sent again.

use market::envelope::Envelope;
use market::event::EventId;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::aws::bus::Entry;

/// An event as it was on the bus.
#[derive(Debug, Clone, PartialEq)]
pub struct Parcel {
    /// The envelope as text: what the function gets, byte for byte.
    pub payload: String,
    /// The envelope, read.
    pub envelope: Envelope,
    /// The id under which the stage audits it.
    pub event_id: String,
}

/// What an on-failure destination of Lambda wraps around the event.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
#[derive(Deserialize)]
struct Destination<'a> {
    #[serde(rename = "requestContext")]
    _context: Value,
    #[serde(borrow, rename = "requestPayload")]
    payload: &'a RawValue,
}

impl Parcel {
    /// Takes the event out of a letter's body: the body itself, or what an on-failure destination wrapped. `Err` says why
    /// there is none.
    pub fn open(body: &str) -> Result<Self, String> {
        let payload = serde_json::from_str::<Destination>(body).map_or(body, |wrapped| wrapped.payload.get());
        let envelope = Envelope::parse(payload.as_bytes()).map_err(|rejection| rejection.summary())?;
        Ok(Self { payload: payload.to_owned(), event_id: event_id(&envelope), envelope })
    }

    /// The event as an entry for the bus. The bus gives it a new envelope, so what the event had from the old one (its id,
    /// its time) is written into it: it stays the same event.
    ///
    /// `Err` for an event of a replay: the bus would forget that, and rules that do not mail for replays would mail.
    pub fn entry(&self) -> Result<Entry, String> {
        let Envelope { id, source, detail_type, time, detail, replay_name, .. } = &self.envelope;
        if let Some(name) = replay_name {
            return Err(format!("it comes from replay {name}, which the bus would forget: send it --via function"));
        }
        let mut detail = detail.clone();
        if let Some(fields) = detail.as_object_mut().filter(|fields| !fields.contains_key("event")) {
            let mut fill = |name: &str, value: Value| {
                if fields.get(name).is_none_or(Value::is_null) {
                    fields.insert(name.to_owned(), value);
                }
            };
            fill("event_id", json!(id));
            fill("timestamp", json!(market::time::format(*time)));
        }
        Ok(Entry {
            source: source.clone(),
            detail_type: detail_type.clone(),
            detail: detail.to_string(),
            time: *time,
            trace_header: None,
        })
    }
}

/// As the stages do: the event's own id when it is valid, else the envelope's.
fn event_id(envelope: &Envelope) -> String {
    let detail = &envelope.detail;
    let event = if detail["event"].is_object() { &detail["event"] } else { detail };
    let own = event["event_id"].as_str().and_then(|id| EventId::new(id).ok()).map(String::from);
    own.unwrap_or_else(|| envelope.id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &str = r#"{"version":"0","id":"bus-1","detail-type":"MarketData.Raw","source":"marketdata.feed.x",
        "time":"2026-11-22T12:00:00Z","detail":{"price":"39432.480","size":1.10}}"#;

    #[test]
    fn the_body_is_the_event_byte_for_byte() {
        let parcel = Parcel::open(RAW).unwrap();
        assert_eq!((parcel.payload.as_str(), parcel.event_id.as_str()), (RAW, "bus-1"));
    }

    #[test]
    fn what_a_destination_wrapped_is_unwrapped_byte_for_byte() {
        let body = format!(
            r#"{{"version":"1.0","timestamp":"t","requestContext":{{"requestId":"r","condition":"RetriesExhausted"}},
               "requestPayload":{RAW},"responseContext":{{"statusCode":200}},"responsePayload":{{"errorMessage":"x"}}}}"#
        );
        assert_eq!(Parcel::open(&body).unwrap().payload, RAW);
    }

    #[test]
    fn what_is_no_event_is_told() {
        for body in ["not json", "[]", "{}", r#"{"requestContext":{},"requestPayload":"text"}"#] {
            assert!(Parcel::open(body).is_err(), "{body}");
        }
    }

    #[test]
    fn on_the_bus_it_stays_the_same_event() {
        let entry = Parcel::open(RAW).unwrap().entry().unwrap();
        assert_eq!((entry.source.as_str(), entry.detail_type.as_str()), ("marketdata.feed.x", "MarketData.Raw"));
        let detail: Value = serde_json::from_str(&entry.detail).unwrap();
        assert_eq!(
            (&detail["event_id"], &detail["timestamp"]),
            (&json!("bus-1"), &json!("2026-11-22T12:00:00.000000Z"))
        );
        assert!(entry.detail.contains(r#""size":1.10"#), "digits are kept: {}", entry.detail);

        let derived = r#"{"id":"bus-2","detail-type":"MarketData.Validated","source":"marketdata.ingestion",
            "time":"2026-11-22T12:00:00Z","detail":{"event_id":"e1:validated","event":{"event_id":"e1"}}}"#;
        let parcel = Parcel::open(derived).unwrap();
        assert_eq!(parcel.event_id, "e1");
        let detail: Value = serde_json::from_str(&parcel.entry().unwrap().detail).unwrap();
        assert_eq!(detail, json!({"event": {"event_id": "e1"}, "event_id": "e1:validated"}));
    }

    #[test]
    fn an_event_of_a_replay_does_not_go_by_the_bus() {
        let replayed = RAW.replacen('{', r#"{"replay-name":"r1","#, 1);
        let parcel = Parcel::open(&replayed).unwrap();
        assert!(parcel.entry().unwrap_err().contains("replay r1"));
    }
}
