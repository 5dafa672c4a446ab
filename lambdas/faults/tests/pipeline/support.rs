//! Real events, and reading what a run has left.

use std::collections::BTreeMap;
use std::time::Duration;

use faults::{World, samples::trade};
use jiff::Timestamp;
use market::event::{MarketEvent, Receipt, validate};
use serde_json::Value;

/// [`trade`] with fractions of a second.
pub(crate) fn trade_at(event_id: &str, second: &str, price: &str) -> Value {
    let mut event = trade(event_id, 0, price);
    event["timestamp"] = format!("2021-01-08T00:00:{second}Z").into();
    event
}

/// The trades of the real data.
pub(crate) fn real_trades() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/btcusdt-2021-01-08.jsonl");
    let text = std::fs::read_to_string(path).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["event_type"] == "trade").collect()
}

/// The event of a raw detail that names its own id and time.
pub(crate) fn event_of(detail: &Value) -> MarketEvent {
    let receipt = Receipt {
        envelope_id: "none",
        envelope_time: Timestamp::UNIX_EPOCH,
        source: "marketdata.feed.test",
        received_at: Timestamp::UNIX_EPOCH,
        max_future_skew: Duration::MAX,
    };
    validate(detail, &receipt).unwrap()
}

/// The events table.
pub(crate) fn rows_by_id(world: &World) -> BTreeMap<String, Value> {
    let rows = world.aws.items(fake_aws::world::EVENTS).into_iter();
    rows.map(|row| (row["event_id"]["S"].as_str().unwrap().to_owned(), row)).collect()
}

/// An attribute without its types.
pub(crate) fn plain(attribute: &Value) -> Value {
    let (kind, value) = attribute.as_object().and_then(|attribute| attribute.iter().next()).unwrap();
    match kind.as_str() {
        "N" => serde_json::from_str(value.as_str().unwrap()).unwrap(),
        "NULL" => Value::Null,
        "L" => value.as_array().unwrap().iter().map(plain).collect(),
        "M" => value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        _ => value.clone(),
    }
}
