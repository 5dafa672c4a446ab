//! Business rules: which tags an event gets, and which raise an alert.

use market::{
    business::{Tag, Thresholds, tag},
    enrichment::enrich,
    event::MarketEvent,
};
use serde::Deserialize;
use serde_json::json;

use crate::support::{bar, decimal, quote, trade, window};

/// The tags of the last event, with the others as its window.
fn of(events: &[MarketEvent], thresholds: &Thresholds) -> Vec<Tag> {
    let (own, earlier) = events.split_last().unwrap();
    let window = window(earlier);
    tag(own, &window, &enrich(own, &window), thresholds)
}

/// Thirty trades around 100, a second apart, then one more.
fn market(price: &str, size: &str) -> Vec<MarketEvent> {
    let calm = |index: i64| {
        trade(index * 1000, ["100", "100.01"][usize::from(index % 2 == 0)], ["1", "2"][usize::from(index % 3 == 0)])
    };
    let mut events: Vec<MarketEvent> = (0..30).map(calm).collect();
    events.push(trade(30_000, price, size));
    events
}

#[test]
fn a_spike_must_be_unusual_and_a_move() {
    let thresholds = Thresholds::default();
    assert_eq!(of(&market("100.01", "1"), &thresholds), []);
    assert_eq!(of(&market("101", "1"), &thresholds), [Tag::PriceSpike]);
    assert_eq!(of(&market("99", "1"), &thresholds), [Tag::PriceSpike], "down as well as up");
    // Seven deviations, but only 0.07 %: a tick in a quiet market.
    assert_eq!(of(&market("100.07", "1"), &thresholds), []);
    let any_move = Thresholds { price_spike_percent: decimal("0.01"), ..thresholds };
    assert_eq!(of(&market("100.1", "1"), &any_move), [Tag::PriceSpike]);
}

#[test]
fn volume_and_volatility() {
    assert_eq!(of(&market("100", "50"), &Thresholds::default()), [Tag::VolumeSpike]);
    let low = Thresholds { volatility_regime: decimal("0.01"), ..Thresholds::default() };
    assert_eq!(of(&market("100", "1"), &low), [Tag::VolatilityRegime]);
}

#[test]
fn quotes() {
    let thresholds = Thresholds::default();
    assert_eq!(of(&[quote(0, "100", "100.01")], &thresholds), []);
    assert_eq!(of(&[quote(0, "99", "101")], &thresholds), [Tag::SpreadWide]);
    assert_eq!(of(&[quote(0, "101", "99")], &thresholds), [Tag::Crossed]);
    assert_eq!(of(&[quote(0, "100", "100")], &thresholds), [Tag::Locked]);
    assert_eq!(of(&[quote(0, "0", "0")], &thresholds), [], "an empty book is neither");
    assert_eq!(of(&[quote(0, "1", "0")], &thresholds), []);
}

#[test]
fn sequences_are_compared_within_a_type() {
    let numbered = |millis: i64, sequence: u64| MarketEvent { sequence: Some(sequence), ..trade(millis, "1", "1") };
    let thresholds = Thresholds { sequence_gap: 3, ..Thresholds::default() };
    let after = |sequence: u64| of(&[numbered(0, 10), numbered(1, 9), numbered(2, sequence)], &thresholds);
    assert_eq!(after(11), []);
    assert_eq!(after(13), [], "two missing");
    assert_eq!(after(14), [Tag::SequenceGap], "three missing");
    assert_eq!(after(10), [], "the same number twice is another matter");
    assert_eq!(after(8), [Tag::OutOfOrder]);
    assert_eq!(after(u64::MAX), [Tag::SequenceGap]);
    let other_type = MarketEvent { sequence: Some(500), ..bar(1, "1", "1") };
    assert_eq!(of(&[numbered(0, 10), other_type, numbered(2, 11)], &thresholds), []);
    assert_eq!(of(&[numbered(0, 10), trade(1, "1", "1")], &thresholds), []);
}

#[test]
fn only_listed_tags_raise_an_alert() {
    let thresholds = Thresholds::default();
    assert!(thresholds.raises_alert(&[Tag::Locked, Tag::PriceSpike]));
    assert!(!thresholds.raises_alert(&[Tag::Crossed, Tag::Locked, Tag::OutOfOrder, Tag::SequenceGap]));
    let quiet = Thresholds { alert_tags: Vec::new(), ..thresholds };
    assert!(!quiet.raises_alert(&Tag::ALL));
}

#[test]
fn thresholds_are_read_alone_and_embedded() {
    #[derive(Deserialize)]
    struct Settings {
        window_size: u32,
        #[serde(flatten)]
        thresholds: Thresholds,
    }
    let text =
        json!({"window_size": 50, "sequence_gap": 7, "spread_wide_bps": 12.5, "alert_tags": ["crossed"]}).to_string();
    let settings: Settings = serde_json::from_str(&text).unwrap();
    assert_eq!(settings.window_size, 50);
    let expected = Thresholds {
        sequence_gap: 7,
        spread_wide_bps: decimal("12.5"),
        alert_tags: vec![Tag::Crossed],
        ..Thresholds::default()
    };
    assert_eq!(settings.thresholds, expected);
    assert_eq!(serde_json::from_str::<Thresholds>(&text).unwrap(), expected);
    assert_eq!(serde_json::from_str::<Thresholds>("{}").unwrap(), Thresholds::default());
    let written = serde_json::to_string(&expected).unwrap();
    assert_eq!(serde_json::from_str::<Thresholds>(&written).unwrap(), expected);
    assert!(serde_json::from_str::<Thresholds>(r#"{"sequence_gap": -1}"#).is_err());
    assert!(serde_json::from_str::<Thresholds>(r#"{"alert_tags": ["loud"]}"#).is_err());
}

#[test]
fn tags_have_one_text() {
    for tag in Tag::ALL {
        assert_eq!(serde_json::to_value(tag).unwrap(), tag.as_str());
        assert_eq!(tag.as_str().parse::<Tag>(), Ok(tag));
    }
}
