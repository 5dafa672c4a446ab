//! Builders of events and observations, and the real data.

use std::{fs, path::Path, time::Duration};

use jiff::Timestamp;
use market::{
    event::{Bar, Body, EventId, MarketEvent, Quote, Receipt, Symbol, Trade, validate},
    fault::{FaultCode, Rejection},
    observation::Observation,
    time,
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// 2021-01-08T00:00:00Z plus so many milliseconds.
pub(crate) fn at(millis: i64) -> Timestamp {
    time::from_micros(1_610_064_000_000_000 + millis * 1000).unwrap()
}

pub(crate) fn decimal(text: &str) -> Decimal {
    market::decimal::parse(text).unwrap()
}

pub(crate) fn event(millis: i64, body: Body) -> MarketEvent {
    MarketEvent {
        event_id: EventId::new(format!("T-{millis}")).unwrap(),
        symbol: Symbol::new("BTCUSDT").unwrap(),
        timestamp: at(millis),
        source: "marketdata.feed.test".to_owned(),
        venue: Some("BINANCE".to_owned()),
        sequence: None,
        currency: None,
        body,
    }
}

pub(crate) fn trade(millis: i64, price: &str, size: &str) -> MarketEvent {
    event(millis, Body::Trade(Trade { price: decimal(price), size: decimal(size), side: None }))
}

pub(crate) fn quote(millis: i64, bid: &str, ask: &str) -> MarketEvent {
    let size = Decimal::ONE;
    event(millis, Body::Quote(Quote { bid: decimal(bid), ask: decimal(ask), bid_size: size, ask_size: size }))
}

pub(crate) fn bar(millis: i64, close: &str, volume: &str) -> MarketEvent {
    let close = decimal(close);
    event(millis, Body::Bar(Bar { open: close, high: close, low: close, close, volume: decimal(volume) }))
}

/// The observations that earlier events are.
pub(crate) fn window(events: &[MarketEvent]) -> Vec<Observation> {
    events.iter().map(Observation::of).collect()
}

/// A receipt at the time of the real data's last event.
pub(crate) fn receipt() -> Receipt<'static> {
    Receipt {
        envelope_id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        envelope_time: at(0),
        source: "marketdata.feed.test",
        received_at: at(60_000),
        max_future_skew: Duration::from_mins(5),
    }
}

pub(crate) fn check(detail: &Value) -> Result<MarketEvent, Rejection> {
    validate(detail, &receipt())
}

/// The fields and codes of a rejection.
pub(crate) fn faults(detail: &Value) -> Vec<(String, FaultCode)> {
    let faults = check(detail).expect_err("a rejection").faults;
    faults.into_iter().map(|fault| (fault.field, fault.code)).collect()
}

/// A valid trade as a feed sends it.
pub(crate) fn raw_trade() -> Value {
    json!({
        "schema_version": 1, "event_id": "BINANCE-T-1", "event_type": "trade", "symbol": "BTCUSDT",
        "timestamp": "2021-01-08T00:00:00.278000Z", "venue": "BINANCE", "sequence": 1,
        "price": "39432.48", "size": "0.000263", "side": "sell",
    })
}

/// `base` with other fields.
pub(crate) fn with(mut base: Value, fields: Value) -> Value {
    if let (Value::Object(base), Value::Object(fields)) = (&mut base, fields) {
        base.extend(fields);
    }
    base
}

/// The lines of the real data.
pub(crate) fn real_details() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/btcusdt-2021-01-08.jsonl");
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The real events, in the order of the table's index and of ties (see `Observation::window_before`).
pub(crate) fn real_events() -> Vec<MarketEvent> {
    let mut events: Vec<MarketEvent> = real_details().iter().map(|detail| check(detail).unwrap()).collect();
    events.sort_by_key(|event| (event.timestamp, event.sequence, event.event_id.clone()));
    events
}

/// What processing would read for the event at `index` of a sorted list: the last `count` strictly before it.
pub(crate) fn window_of(events: &[MarketEvent], index: usize, count: usize) -> Vec<Observation> {
    let mut before = Observation::window_before(&events[index], window(&events[..index]));
    before.drain(..before.len().saturating_sub(count));
    before
}

/// Any JSON value, with the field names and texts of the schemas sprinkled in.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "event_type",
        "trade",
        "quote",
        "bar",
        "price",
        "size",
        "bid",
        "ask",
        "symbol",
        "BTCUSDT",
        "timestamp",
        "2021-01-08T00:00:00Z",
        "schema_version",
        "event_id",
        "rules",
        "version",
        "id",
        "severity",
        "critical",
        "symbols",
        "condition",
        "kind",
        "move",
        "price_above",
        "threshold",
        "percent",
        "window_seconds",
        "tag",
        "*",
        "1e400",
        "-1",
        "0",
        "1.5",
        "event",
        "metadata",
        "detail",
        "detail-type",
        "source",
        "time",
    ]);
    let key = prop_oneof![words.clone().prop_map(str::to_owned), "\\PC{0,8}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "-?[1-9][0-9]{0,40}(\\.[0-9]{1,40})?(e[+-]?[0-9]{1,4})?"
            .prop_map(|text: String| serde_json::from_str(&text).unwrap()),
        words.prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(key.clone(), inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Any valid event.
pub(crate) fn any_event() -> impl Strategy<Value = MarketEvent> {
    let positive =
        || (1_i64..=i64::MAX, 0_u32..=18).prop_map(|(digits, scale)| Decimal::new(digits, scale).normalize());
    let body = prop_oneof![
        (positive(), positive()).prop_map(|(price, size)| Body::Trade(Trade { price, size, side: None })),
        (positive(), positive(), positive(), positive())
            .prop_map(|(bid, ask, bid_size, ask_size)| Body::Quote(Quote { bid, ask, bid_size, ask_size })),
        (positive(), positive(), positive(), positive(), positive()).prop_map(|(a, b, c, d, volume)| {
            let mut prices = [a, b, c, d];
            prices.sort();
            let [low, open, close, high] = prices;
            Body::Bar(Bar { open, high, low, close, volume })
        }),
    ];
    let id = "[A-Za-z0-9._:-]{1,128}".prop_map(|text| EventId::new(text).unwrap());
    let symbol = "[A-Z0-9./:_-]{1,32}".prop_map(|text| Symbol::new(text).unwrap());
    let timestamp =
        (-1_000_000_000_000_000_i64..1_610_064_060_000_000).prop_map(|micros| time::from_micros(micros).unwrap());
    let venue = prop::option::of("[A-Z]{1,12}");
    (id, symbol, timestamp, venue, any::<Option<u64>>(), body).prop_map(
        |(event_id, symbol, timestamp, venue, sequence, body)| MarketEvent {
            event_id,
            symbol,
            timestamp,
            source: "marketdata.feed.test".to_owned(),
            venue,
            sequence,
            currency: None,
            body,
        },
    )
}
