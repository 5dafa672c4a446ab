//! Events from a file.

use std::io::{self, Read};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::event::FeedEvent;
use super::pace::Pace;
use crate::error::{Error, Result};

/// A line that is not an event that the pipeline would take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadLine {
    /// Its number, counted from 1.
    pub line: usize,
    /// Everything that is wrong with it.
    pub reason: String,
}

/// Reads a file of one JSON event a line, or standard input when the file is `-`.
pub fn read(file: &Path) -> Result<String> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        io::stdin()
            .lock()
            .read_to_string(&mut text)
            .map_err(|source| Error::io("failed to read events from standard input", source))?;
    } else {
        text = std::fs::read_to_string(file)
            .map_err(|source| Error::io(format!("failed to read events from {}", file.display()), source))?;
    }
    Ok(text)
}

/// Reads one JSON event a line. Empty lines are allowed; a line that is no JSON is bad.
pub fn parse(text: &str) -> (Vec<FeedEvent>, Vec<BadLine>) {
    let mut events = Vec::new();
    let mut bad = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line_number = index + 1;
        match serde_json::from_str::<Value>(line) {
            Ok(detail) => events.push(FeedEvent { detail, line: Some(line_number), poison: false }),
            Err(error) => bad.push(BadLine { line: line_number, reason: format!("is not JSON: {error}") }),
        }
    }
    (events, bad)
}

/// Keeps the events that the pipeline will take, judged by its own validation as of the moment each is due when the
/// sending starts at `start`; the others are bad lines with all of their faults.
pub fn keep_valid(
    events: Vec<FeedEvent>,
    pace: Pace,
    source: &str,
    start: Timestamp,
) -> (Vec<FeedEvent>, Vec<BadLine>) {
    let plan = pace.plan(&events);
    let mut good = Vec::with_capacity(events.len());
    let mut bad = Vec::new();
    for (event, due) in events.into_iter().zip(plan) {
        let due = SignedDuration::try_from(due).ok().and_then(|due| start.checked_add(due).ok()).unwrap_or(start);
        match event.check(source, due) {
            Ok(()) => good.push(event),
            Err(rejection) => {
                bad.push(BadLine { line: event.line.unwrap_or_default(), reason: rejection.summary() });
            }
        }
    }
    (good, bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "marketdata.feed.test";

    #[test]
    fn bad_lines_are_known_by_number_and_all_their_faults() {
        let text = "{\"event_type\":\"trade\",\"symbol\":\"X\",\"price\":\"1\",\"size\":\"1\"}\n\n{oops\n\
                    {\"event_type\":\"trade\",\"symbol\":\"x\",\"price\":\"-1\",\"size\":\"1\"}\n";
        let (events, not_json) = parse(text);
        assert_eq!(not_json.iter().map(|bad| bad.line).collect::<Vec<_>>(), [3]);
        let (good, invalid) = keep_valid(events, Pace::Fast, SOURCE, Timestamp::now());
        assert_eq!(good.iter().map(|event| event.line).collect::<Vec<_>>(), [Some(1)]);
        assert_eq!(invalid.iter().map(|bad| bad.line).collect::<Vec<_>>(), [4]);
        assert!(invalid[0].reason.contains("symbol") && invalid[0].reason.contains("price"), "{}", invalid[0].reason);
    }

    #[test]
    fn a_time_ahead_is_judged_by_when_it_will_be_sent() {
        let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let line = |time: &str| {
            format!(
                "{{\"event_type\":\"trade\",\"symbol\":\"X\",\"price\":\"1\",\"size\":\"1\",\"timestamp\":\"{time}\"}}\n"
            )
        };
        let text = line("2026-11-22T12:00:00Z") + &line("2026-11-22T12:30:00Z");
        let (events, _) = parse(&text);
        assert_eq!(keep_valid(events.clone(), Pace::Real, SOURCE, start).1, []);
        assert_eq!(keep_valid(events, Pace::Fast, SOURCE, start).1.len(), 1);
    }

    #[test]
    fn numbers_keep_their_digits() {
        let (events, _) = parse("{\"price\": 0.10000000000000000001}");
        assert_eq!(events[0].detail.to_string(), "{\"price\":0.10000000000000000001}");
    }
}
