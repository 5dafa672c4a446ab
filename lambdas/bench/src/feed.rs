//! Real market data, as often as needed: every round has fresh ids and goes on in time where the one before ended.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The events of a file, one raw detail a line, in order of time.
#[derive(Debug)]
pub(crate) struct Feed {
    lines: Vec<(Value, SignedDuration)>,
    /// How long one round is.
    span: SignedDuration,
}

/// How the events' times follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As they did.
    Real,
    /// Seconds between one and the next, so that none meets another's cool-down.
    Apart(i64),
}

impl Feed {
    /// Reads a file such as tests/data/btcusdt-2021-01-08.jsonl.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("failed to read {}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("failed to read {}: {error}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut lines = Vec::new();
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
            let time = event["timestamp"].as_str().unwrap_or_default();
            let time: Timestamp = time.parse().map_err(|error| format!("timestamp {time:?}: {error}"))?;
            lines.push((event, time));
        }
        lines.sort_by_key(|(_, time)| *time);
        let first = lines.first().ok_or("there are no events in it")?.1;
        let lines: Vec<_> = lines.into_iter().map(|(event, time)| (event, time.duration_since(first))).collect();
        let span = lines.last().map_or(SignedDuration::ZERO, |(_, offset)| *offset) + SignedDuration::from_millis(50);
        Ok(Self { lines, span })
    }

    /// The first `count` events from `start` on: ids and details.
    pub(crate) fn events(&self, count: usize, start: Timestamp, pace: Pace) -> Vec<(String, String)> {
        let of = |index: usize| {
            let (round, position) = (index / self.lines.len(), index % self.lines.len());
            let (event, offset) = &self.lines[position];
            let round = i32::try_from(round).unwrap_or(i32::MAX);
            let offset = match pace {
                Pace::Real => self.span * round + *offset,
                Pace::Apart(seconds) => SignedDuration::from_secs(seconds * i64::try_from(index).unwrap_or(0)),
            };
            let id = format!("{}.{index}", event["event_id"].as_str().unwrap_or_default());
            let mut event = event.clone();
            event["event_id"] = json!(id);
            event["timestamp"] = json!(format!("{:.6}", start + offset));
            if let Some(sequence) = event["sequence"].as_u64() {
                event["sequence"] = json!(sequence + 1_000_000 * u64::from(round.unsigned_abs()));
            }
            (id, event.to_string())
        };
        (0..count).map(of).collect()
    }

    /// When `count` events have to start to end before `end`.
    pub(crate) fn start(&self, count: usize, end: Timestamp) -> Timestamp {
        let rounds = i32::try_from(count / self.lines.len() + 1).unwrap_or(i32::MAX);
        end - self.span * rounds
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const FILE: &str = r#"{"event_id":"a","timestamp":"2021-01-08T00:00:00.25Z","sequence":7}
{"event_id":"b","timestamp":"2021-01-08T00:00:01Z"}"#;

    #[test]
    fn a_second_round_has_other_ids_and_later_times() {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let events = Feed::parse(FILE).unwrap().events(5, start, Pace::Real);
        assert_eq!(events.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len(), 5);
        let details: Vec<Value> = events.iter().map(|(_, detail)| serde_json::from_str(detail).unwrap()).collect();
        let times: Vec<_> = details.iter().map(|detail| detail["timestamp"].as_str().unwrap()).collect();
        assert_eq!(
            times[..3],
            ["2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.750000Z", "2026-01-01T00:00:00.800000Z"]
        );
        assert!(times.is_sorted());
        assert_eq!(details[2]["sequence"], json!(1_000_007));
        assert_eq!(details[1].get("sequence"), None);
    }
}
