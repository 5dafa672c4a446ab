use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::document::{Condition, RulesDocument};
use crate::{
    business::Tag,
    decimal,
    enrichment::Enrichment,
    event::{EventType, MarketEvent, Quote},
    observation::Observation,
    time,
};

/// A price and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricePoint {
    /// The reference price.
    #[serde(with = "decimal::as_text")]
    pub price: Decimal,
    /// When.
    #[serde(with = "time::six_digits")]
    pub timestamp: Timestamp,
}

/// What rules need to know of earlier events. Travels in the Alert, so that notification judges on what processing saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct References {
    /// The latest price before the event, by type of event.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub previous: BTreeMap<EventType, PricePoint>,
    /// For each window that a move rule asks for, in seconds: the oldest price in it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moves: BTreeMap<u32, PricePoint>,
    /// When the event is a crossed quote: the first of the crossed quotes that lead to it without another in between.
    #[serde(default, with = "time::six_digits_option", skip_serializing_if = "Option::is_none")]
    pub crossed_since: Option<Timestamp>,
    /// How many quotes that is, the event counted.
    #[serde(default)]
    pub crossed_quotes: u32,
}

/// Everything that rules judge on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The event.
    pub event: &'a MarketEvent,
    /// What was computed for it.
    pub enrichment: &'a Enrichment,
    /// What is known of earlier events.
    pub references: &'a References,
    /// What business rules say.
    pub tags: &'a [Tag],
}

/// The windows, in seconds, of the enabled move rules that look at this event: for each, processing reads the symbol's
/// first event at or after `event.timestamp - window`.
pub fn required_windows(document: &RulesDocument, event: &MarketEvent) -> BTreeSet<u32> {
    document
        .rules
        .iter()
        .filter(|rule| rule.applies_to(event))
        .filter_map(|rule| match rule.condition {
            Condition::Move { window_seconds, .. } => Some(window_seconds),
            _ => None,
        })
        .collect()
}

/// Collects the references of `event`: from the window before it (ascending by time) and from the first event at or after
/// the start of each move window, as the Query of [`required_windows`] gave it. The window's own prices are candidates for
/// a move's reference too.
pub fn references(
    event: &MarketEvent,
    window: &[Observation],
    move_references: &BTreeMap<u32, Option<Observation>>,
) -> References {
    let mut previous = BTreeMap::new();
    for (seen, point) in window.iter().filter_map(|seen| Some((seen, point(seen, event)?))) {
        // Ascending by time: the last one stays.
        previous.insert(seen.event_type, point);
    }
    let moves = move_references.iter().filter_map(|(seconds, queried)| {
        let start = event.timestamp.checked_sub(SignedDuration::from_secs(i64::from(*seconds))).ok()?;
        let candidates = queried.iter().chain(window).filter_map(|seen| point(seen, event));
        let oldest = candidates.filter(|point| point.timestamp >= start).min_by_key(|point| point.timestamp)?;
        Some((*seconds, oldest))
    });
    let moves = moves.collect();
    let (crossed_since, crossed_quotes) = crossed(event, window);
    References { previous, moves, crossed_since, crossed_quotes }
}

/// The price of an observation that is really earlier than the event.
fn point(seen: &Observation, event: &MarketEvent) -> Option<PricePoint> {
    let price = seen.usable_price().filter(|_| seen.timestamp < event.timestamp)?;
    Some(PricePoint { price, timestamp: seen.timestamp })
}

/// Since when, and in how many quotes, the symbol is crossed; trades and bars in between say nothing about it.
fn crossed(event: &MarketEvent, window: &[Observation]) -> (Option<Timestamp>, u32) {
    if !event.quote().is_some_and(Quote::is_crossed) {
        return (None, 0);
    }
    let quotes = window.iter().rev().filter(|seen| seen.event_type == EventType::Quote);
    let run = quotes.take_while(|seen| seen.is_crossed());
    let (since, count) = run.fold((event.timestamp, 1), |(_, count), seen| (seen.timestamp, count + 1));
    (Some(since), count)
}
