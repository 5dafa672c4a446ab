//! What an event costs in allocations: a target of its own, because the counting allocator is its whole process's.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there and say where")]

use std::{fs, hint::black_box, path::Path, time::Duration};

use allocation_counter::{AllocationInfo, measure};
use market::{
    business::{self, Thresholds},
    enrichment::enrich,
    event::{MarketEvent, Receipt, validate},
    indicators::{Indicators, compute},
    observation::Observation,
    rules::{Facts, References, RulesDocument, evaluate},
    time,
};
use rust_decimal::Decimal;

/// The real events, in order of time.
fn real_events() -> Vec<MarketEvent> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/btcusdt-2021-01-08.jsonl");
    let at = time::parse("2021-01-08T01:00:00Z").unwrap();
    let receipt = Receipt {
        envelope_id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        envelope_time: at,
        source: "marketdata.feed.test",
        received_at: at,
        max_future_skew: Duration::ZERO,
    };
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| validate(&serde_json::from_str(line).unwrap(), &receipt).unwrap()).collect()
}

/// For every real event: itself and the `count` before it, as far as they are earlier.
fn windows(events: &[MarketEvent], count: usize) -> impl Iterator<Item = (&MarketEvent, Vec<Observation>)> {
    events.iter().enumerate().map(move |(index, event)| {
        let before = events[index.saturating_sub(count)..index].iter().map(Observation::of).collect();
        (event, Observation::window_before(event, before))
    })
}

fn counted<T>(work: impl FnOnce() -> T) -> AllocationInfo {
    measure(|| drop(black_box(work())))
}

#[test]
fn indicators_allocate_three_buffers_no_longer_than_the_window_and_nothing_else() {
    let events = real_events();
    for count in [0, 1, 20, 50, 500] {
        for (event, window) in windows(&events, count) {
            let info = counted(|| compute(event, &window));
            // Prices and returns with the event's own, sizes without.
            let bytes =
                (size_of::<Decimal>() + size_of::<f64>()) * (window.len() + 1) + size_of::<f64>() * window.len();
            assert!(info.count_total <= 3, "{} with {count}: {info:?}", event.event_id);
            assert!(info.bytes_total <= bytes as u64, "{} with {count}, {bytes} bytes: {info:?}", event.event_id);
            assert_eq!(info.bytes_current, 0, "{} with {count}: {info:?}", event.event_id);
        }
    }
}

#[test]
fn the_counting_counts() {
    let events = real_events();
    let (event, window) = windows(&events, 50).filter(|(event, _)| event.reference_size().is_some()).last().unwrap();
    assert_eq!(counted(|| compute(event, &window)).count_total, 3);
    assert_ne!(compute(event, &window), Indicators::default());
}

#[test]
fn rules_and_tags_that_do_not_hold_allocate_nothing() {
    // Every kind of condition, on every event, and none of them true; the price is beyond its limit, but has not crossed it.
    let rules = r#"{"version": 1, "rules": [
        {"id": "above", "severity": "info", "symbols": ["*USDT"], "condition": {"kind": "price_above", "threshold": "1"}},
        {"id": "below", "severity": "info", "symbols": ["BTC*"], "condition": {"kind": "price_below", "threshold": "1"}},
        {"id": "move", "severity": "info", "symbols": ["*"], "condition": {"kind": "move", "percent": "90", "window_seconds": 60}},
        {"id": "volatility", "severity": "info", "symbols": ["*"], "condition": {"kind": "volatility_above", "threshold": "1e6"}},
        {"id": "return", "severity": "info", "symbols": ["*"], "condition": {"kind": "return_zscore", "threshold": "1e6"}},
        {"id": "volume", "severity": "info", "symbols": ["*"], "condition": {"kind": "volume_zscore", "threshold": "1e6"}},
        {"id": "spread", "severity": "info", "symbols": ["*"], "condition": {"kind": "spread_above", "bps": "1e6"}},
        {"id": "crossed", "severity": "info", "symbols": ["*"], "condition": {"kind": "crossed_for", "seconds": 60}},
        {"id": "tag", "severity": "info", "symbols": ["*"], "condition": {"kind": "tag", "tag": "crossed"}}
    ]}"#;
    let document = RulesDocument::parse(rules).unwrap();
    let thresholds = Thresholds::default();
    let events = real_events();
    for (event, window) in windows(&events, 50) {
        let enrichment = enrich(event, &window);
        let references = market::rules::references(event, &window, &[(60, window.first().cloned())].into());
        let tags = business::tag(event, &window, &enrichment, &thresholds);
        let facts = Facts { event, enrichment: &enrichment, references: &references, tags: &tags };
        assert_eq!(evaluate(&document, &facts), [], "{}", event.event_id);
        assert_eq!(counted(|| evaluate(&document, &facts)).count_total, 0, "{}", event.event_id);
        if tags.is_empty() {
            let tagging = counted(|| business::tag(event, &window, &enrichment, &thresholds));
            assert_eq!(tagging.count_total, 0, "{}", event.event_id);
        }
    }
    assert_ne!(
        References::default(),
        market::rules::references(&events[60], &windows(&events, 50).nth(60).unwrap().1, &[].into())
    );
}
