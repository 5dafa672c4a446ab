//! 46 seconds of a real market, 2,452 events, through the whole path, at the market's own pace and as fast as it goes.

use std::collections::{BTreeMap, HashMap};

use end_to_end::Stack;
use end_to_end::events::{Row, text, to_json, unique};
use end_to_end::recompute::{Tick, compare};
use serde_json::Value;

const FILE: &str = "tests/data/btcusdt-2021-01-08.jsonl";
const EVENTS: usize = 2452;

/// Sends the file under new ids and a symbol of its own, waits until all is settled, and checks every row.
async fn send_and_check(pace: &[&str]) {
    let (stack, _guard) = Stack::shared().await;
    let symbol = unique("BTC");
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut lines = String::new();
    for line in std::fs::read_to_string(end_to_end::stack::project_root().join(FILE)).expect("the data").lines() {
        let mut event: Value = serde_json::from_str(line).expect("JSON");
        event["symbol"] = symbol.clone().into();
        event["event_id"] = format!("{symbol}-{}", event["event_id"].as_str().expect("an id")).into();
        lines.push_str(&event.to_string());
        lines.push('\n');
    }
    std::fs::write(file.path(), lines).expect("write");

    let path = file.path().to_str().expect("UTF-8");
    let mut arguments =
        vec!["--output", "json", "send-test-event", "--file", path, "--shift-time", "--wait", "--timeout", "1200"];
    arguments.extend_from_slice(pace);
    let (code, stdout, stderr) = stack.opsctl(&arguments).await.expect("opsctl runs");
    assert_eq!(code, Some(0), "send-test-event failed:\n{stdout}\n{stderr}");

    let rows = stack.rows_of(&symbol).await;
    assert_eq!(rows.len(), EVENTS, "none lost, none twice");
    let by_id: HashMap<&str, &Row> = rows.iter().map(|row| (text(row, "event_id").expect("an id"), row)).collect();
    assert_eq!(by_id.len(), EVENTS);
    let (mut values, mut unanswered) = (0, 0);
    let mut windows = BTreeMap::<usize, usize>::new();
    for row in &rows {
        let id = text(row, "event_id").expect("an id");
        assert_eq!(text(row, "status"), Some("PROCESSED"), "{id}");
        let attempts = stack.processing_attempts(id).await;
        let with = |status: &str| -> Vec<&Row> {
            attempts.iter().filter(|attempt| text(attempt, "status") == Some(status)).collect()
        };
        let processed = with("PROCESSED");
        unanswered += usize::from(processed.is_empty());
        // The attempt that has done the update: without an answer it may be any of those that failed after their reads.
        let candidates = if processed.is_empty() { with("FAILED") } else { processed };
        let checked: Vec<_> = candidates.iter().map(|audit| check(row, audit, &by_id)).collect();
        let Some(found) = checked.iter().find_map(|checked| checked.as_ref().ok()) else {
            panic!("{id}: no attempt explains the row: {checked:?}");
        };
        values += found.values;
        *windows.entry(found.window / 10 * 10).or_default() += 1;
    }
    println!(
        "{EVENTS} events PROCESSED, {values} values recomputed; windows by size: {windows:?}; {unanswered} unanswered"
    );
    assert!(unanswered <= EVENTS / 100, "{unanswered} updates whose answer was lost");
    assert!(values > EVENTS * 5, "windows are too empty to say anything: {windows:?}");
}

/// What was compared of a row.
#[derive(Debug)]
struct Checked {
    values: usize,
    window: usize,
}

/// Recomputes a row's enrichment from the rows that its numbers stand on, as processing recorded them with its attempt.
fn check(row: &Row, audit: &Row, by_id: &HashMap<&str, &Row>) -> Result<Checked, String> {
    let members = audit.get("window_event_ids").ok_or("the attempt had not read its window")?;
    let window: Vec<&Row> =
        members.as_l().expect("a list").iter().map(|member| by_id[member.as_s().expect("an id").as_str()]).collect();
    let enrichment = to_json(&row["enrichment"]);
    let that = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
    that(enrichment["window"]["count"] == window.len(), "the window's size")?;
    let time = |row: &Row| text(row, "timestamp").expect("a timestamp").to_owned();
    for (earlier, later) in window.iter().zip(window.iter().skip(1)) {
        that(time(earlier) <= time(later), "the window is in time order")?;
    }
    if let (Some(first), Some(last)) = (window.first(), window.last()) {
        that(enrichment["window"]["first_timestamp"] == time(first), "the window's first time")?;
        that(enrichment["window"]["last_timestamp"] == time(last), "the window's last time")?;
        that(time(last) < time(row), "strictly before")?;
    }
    that(window.iter().all(|member| text(member, "event_type") == text(row, "event_type")), "events of one type")?;
    let ticks: Vec<Tick> = window.iter().map(|row| Tick::of(row)).collect();
    // A quote's spread is its own; the rest are the window's.
    let values = compare(&enrichment["indicators"], &ticks, Tick::of(row))?;
    Ok(Checked { values, window: window.len() })
}

#[tokio::test]
async fn the_real_market_as_fast_as_it_goes() {
    send_and_check(&[]).await;
}

#[tokio::test]
async fn the_real_market_at_its_own_pace() {
    send_and_check(&["--pace", "real"]).await;
}
