//! All of the real data.

use std::collections::BTreeMap;

use market::{
    business::{self, Thresholds},
    enrichment::enrich,
    event::{EventType, MarketEvent, canonical_json},
};

use crate::support::{real_details, real_events, window_of};

#[test]
fn every_line_is_valid_and_survives_the_wire() {
    let details = real_details();
    assert_eq!(details.len(), 2452);
    let mut types: BTreeMap<EventType, usize> = BTreeMap::new();
    for detail in &details {
        let event = crate::support::check(detail).unwrap_or_else(|rejection| panic!("{rejection}: {detail}"));
        *types.entry(event.event_type()).or_default() += 1;
        let wire = serde_json::to_value(&event).unwrap();
        assert_eq!(MarketEvent::from_json(&wire), Ok(event.clone()));
        // What the wire form has, it has digit for digit as the feed sent it, but for trailing zeros.
        for (field, value) in wire.as_object().unwrap() {
            let sent = &detail[field];
            let trimmed = sent.as_str().filter(|text| text.contains('.') && !text.contains(':'));
            let trimmed = trimmed.map(|text| text.trim_end_matches('0').trim_end_matches('.'));
            assert!(field == "source" || value == sent || value.as_str() == trimmed, "{field}: {value} is not {sent}");
        }
        assert_eq!(serde_json::from_str::<serde_json::Value>(&canonical_json(detail)).unwrap(), *detail);
    }
    assert_eq!(types, BTreeMap::from([(EventType::Trade, 2001), (EventType::Quote, 451)]));
}

/// The defaults must neither flood nor sleep on an ordinary busy minute.
#[test]
fn default_thresholds_tag_few_ordinary_events() {
    let events = real_events();
    let thresholds = Thresholds::default();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut alerts = 0;
    for (index, event) in events.iter().enumerate() {
        let window = window_of(&events, index, 50);
        let tags = business::tag(event, &window, &enrich(event, &window), &thresholds);
        alerts += usize::from(thresholds.raises_alert(&tags));
        for tag in tags {
            *counts.entry(tag.as_str()).or_default() += 1;
        }
    }
    let common: Vec<_> = counts.iter().filter(|(_, count)| **count * 100 > events.len()).collect();
    assert!(common.is_empty(), "more than one in a hundred: {common:?}");
    assert_eq!(alerts, 0, "nothing happened in that minute: {counts:?}");
    assert!(counts.contains_key("volume_spike"), "thresholds that nothing reaches: {counts:?}");
}
