//! An event to be sent.

use std::time::Duration;

use jiff::Timestamp;
use market::event::{Receipt, validate};
use market::fault::Rejection;
use serde_json::{Value, json};

/// How far ahead of its receipt an event's time may be in a stack as deployed (`ingestion/config`).
pub(crate) const MAX_FUTURE_SKEW: Duration = Duration::from_mins(5);

/// An event to be sent: the detail as it will be published.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedEvent {
    /// What is published.
    pub detail: Value,
    /// The line of the file that it came from, counted from 1.
    pub line: Option<usize>,
    /// True when ingestion is meant to reject it.
    pub poison: bool,
}

impl FeedEvent {
    /// A well-meant event.
    pub fn new(detail: Value) -> Self {
        Self { detail, line: None, poison: false }
    }

    /// Its own id; none when it leaves that to the bus.
    pub fn event_id(&self) -> Option<&str> {
        self.detail.get("event_id")?.as_str()
    }

    /// Its own time; none when it leaves that to the bus.
    pub fn timestamp(&self) -> Option<Timestamp> {
        market::time::parse(self.detail.get("timestamp")?.as_str()?).ok()
    }

    /// Its symbol.
    pub fn symbol(&self) -> Option<&str> {
        self.detail.get("symbol")?.as_str()
    }

    /// Sets a field of the detail.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        if let Some(object) = self.detail.as_object_mut() {
            object.insert(field.to_owned(), value.into());
        }
    }

    /// Asks the stages to log everything about it, whatever their level.
    pub fn mark_for_debugging(&mut self) {
        if let Some(object) = self.detail.as_object_mut() {
            let metadata = object.entry("metadata").or_insert_with(|| json!({}));
            if !metadata.is_object() {
                *metadata = json!({});
            }
            metadata["debug"] = true.into();
        }
    }

    /// Checks it with the pipeline's own validation, as if it were received at `received_at`.
    pub fn check(&self, source: &str, received_at: Timestamp) -> Result<(), Rejection> {
        let receipt = Receipt {
            // Stands for the id that the bus will give.
            envelope_id: "00000000-0000-0000-0000-000000000000",
            envelope_time: received_at,
            source,
            received_at,
            max_future_skew: MAX_FUTURE_SKEW,
        };
        validate(&self.detail, &receipt).map(|_| ())
    }
}

/// Moves all times by the same distance so that the first event's is `start`. Events without a time stay without.
pub fn shift_times(events: &mut [FeedEvent], start: Timestamp) {
    let Some(first) = events.iter().find_map(FeedEvent::timestamp) else { return };
    let distance = start.duration_since(first);
    for event in events {
        if let Some(time) = event.timestamp().and_then(|time| time.checked_add(distance).ok()) {
            event.set("timestamp", market::time::format(time));
        }
    }
}

/// Gives every event that has an id a new one: `.run` is put behind it. So a file sent twice is two sets of events.
pub fn freshen_ids(events: &mut [FeedEvent], run: &str) {
    for event in events {
        if let Some(id) = event.event_id().map(|id| format!("{id}.{run}")) {
            event.set("event_id", id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, time: &str) -> FeedEvent {
        FeedEvent::new(json!({"event_id": id, "timestamp": time, "price": "1"}))
    }

    #[test]
    fn shifted_times_keep_their_distances() {
        let mut events = [
            event("a", "2021-01-08T00:00:00.278Z"),
            FeedEvent::new(json!({"event_id": "no time"})),
            event("b", "2021-01-08T01:00:01.310+01:00"),
        ];
        shift_times(&mut events, "2026-11-22T12:00:00Z".parse().unwrap());
        let times: Vec<_> = events.iter().map(|event| event.detail["timestamp"].as_str()).collect();
        assert_eq!(times, [Some("2026-11-22T12:00:00.000000Z"), None, Some("2026-11-22T12:00:01.032000Z")]);
    }

    #[test]
    fn fresh_ids_keep_the_old_one_in_front() {
        let mut events = [event("a", ""), FeedEvent::new(json!({"price": "1"}))];
        freshen_ids(&mut events, "r1");
        assert_eq!(events.map(|event| event.event_id().map(str::to_owned)), [Some("a.r1".to_owned()), None]);
    }

    #[test]
    fn the_mark_for_debugging_is_what_the_stages_look_for_and_keeps_other_metadata() {
        let mut events = [
            FeedEvent::new(json!({"price": "1"})),
            FeedEvent::new(json!({"metadata": {"trace": "t", "debug": false}})),
            FeedEvent::new(json!({"metadata": "text"})),
        ];
        events.iter_mut().for_each(FeedEvent::mark_for_debugging);
        let metadata: Vec<_> = events.iter().map(|event| event.detail["metadata"].clone()).collect();
        let marked = json!({"debug": true});
        assert_eq!(metadata, [marked.clone(), json!({"trace": "t", "debug": true}), marked]);
    }

    #[test]
    fn the_pipelines_own_rules_decide() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let trade = |price: &str, time: &str| {
            FeedEvent::new(
                json!({"event_type": "trade", "symbol": "X", "price": price, "size": "1", "timestamp": time}),
            )
            .check("marketdata.feed.opsctl", now)
        };
        assert!(trade("1", "2026-11-22T12:04:59Z").is_ok());
        assert!(trade("1", "2026-11-22T12:05:01Z").is_err());
        assert!(trade("-1", "2026-11-22T12:00:00Z").is_err());
    }
}
