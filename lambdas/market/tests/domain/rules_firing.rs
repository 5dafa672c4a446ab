//! Which rules fire, on what, and the cool-down that they fall into.

use std::collections::{BTreeMap, BTreeSet};

use market::{
    business::Tag,
    enrichment::{Enrichment, enrich},
    event::{EventId, MarketEvent, Symbol},
    identifier::RuleId,
    observation::Observation,
    rules::{ConditionKind, Facts, Firing, RulesDocument, cooldown_key, evaluate, references, required_windows},
    time,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{any_event, at, decimal, quote, real_events, trade, window, window_of, with};

fn document(rules: &[Value]) -> RulesDocument {
    RulesDocument::from_json(&json!({"version": 1, "rules": rules})).unwrap()
}

fn rule(condition: &Value) -> Value {
    json!({"id": "r", "severity": "warning", "symbols": ["*"], "condition": condition})
}

/// What fires for the last event, with the others as window and as the Query for move references.
fn fire_all(document: &RulesDocument, events: &[MarketEvent], tags: &[Tag]) -> Vec<Firing> {
    let (event, earlier) = events.split_last().unwrap();
    let window = window(earlier);
    let first = |seconds: u32| {
        let start = event.timestamp - jiff::SignedDuration::from_secs(i64::from(seconds));
        window.iter().find(|seen| seen.timestamp >= start).cloned()
    };
    let moves = required_windows(document, event).into_iter().map(|seconds| (seconds, first(seconds))).collect();
    let references = references(event, &window, &moves);
    let enrichment = enrich(event, &window);
    evaluate(document, &Facts { event, enrichment: &enrichment, references: &references, tags })
}

fn fire(condition: &Value, events: &[MarketEvent]) -> Option<Firing> {
    fire_all(&document(&[rule(condition)]), events, &[]).pop()
}

fn fires(condition: &Value, events: &[MarketEvent]) -> bool {
    fire(condition, events).is_some()
}

#[test]
fn a_price_rule_fires_on_the_crossing_only() {
    let above = json!({"kind": "price_above", "threshold": "100"});
    let path = |prices: &[&str]| -> Vec<MarketEvent> {
        prices.iter().zip(0..).map(|(price, index)| trade(index * 1000, price, "1")).collect()
    };
    assert!(fires(&above, &path(&["99", "101"])));
    assert!(fires(&above, &path(&["100", "100.01"])), "from the threshold itself");
    assert!(!fires(&above, &path(&["99", "100"])), "onto the threshold is not above");
    assert!(!fires(&above, &path(&["99", "101", "102"])), "beyond it already");
    assert!(fires(&above, &path(&["101", "99", "101"])), "again after coming back");
    assert!(!fires(&above, &path(&["101"])), "nothing to have crossed from");
    let below = json!({"kind": "price_below", "threshold": "100"});
    assert!(fires(&below, &path(&["101", "99"])));
    assert!(!fires(&below, &path(&["99", "98"])));
    let level = json!({"kind": "price_above", "threshold": "100", "trigger": "level"});
    assert!(fires(&level, &path(&["101"])));
    assert!(fires(&level, &path(&["101", "102"])));
    assert!(!fires(&level, &path(&["100"])));

    let firing = fire(&above, &path(&["99", "101.5"])).unwrap();
    assert_eq!((firing.value, firing.threshold), (Some(decimal("101.5")), Some(decimal("100"))));
    assert_eq!((firing.kind, firing.observations, firing.since), (ConditionKind::PriceAbove, 2, Some(at(0))));
    assert_eq!(firing.message, "BTCUSDT price 101.5 crossed above 100; before: 99");
}

/// A quote that the rule does not look at must not hide the crossing from it.
#[test]
fn a_crossing_is_judged_among_the_types_that_the_rule_looks_at() {
    let events = [trade(0, "99", "1"), quote(1, "101", "101.5"), trade(2, "102", "1")];
    let condition = json!({"kind": "price_above", "threshold": "100"});
    assert!(!fires(&condition, &events), "with all types the quote had crossed before");
    let trades_only = document(&[with(rule(&condition), json!({"event_types": ["trade"]}))]);
    assert_eq!(fire_all(&trades_only, &events, &[]).len(), 1);
    assert!(fire_all(&trades_only, &events[..2], &[]).is_empty(), "the quote itself is not looked at");
}

#[test]
fn a_move_is_measured_from_the_oldest_price_of_its_window() {
    let condition =
        |direction: &str| json!({"kind": "move", "percent": "1", "direction": direction, "window_seconds": 10});
    let rise = [trade(0, "50", "1"), trade(5_000, "100", "1"), trade(14_000, "102", "1"), trade(15_000, "101", "1")];
    assert!(fires(&condition("up"), &rise), "exactly 1 % from the price exactly ten seconds ago");
    assert!(fires(&condition("either"), &rise));
    assert!(!fires(&condition("down"), &rise));
    let fall = [trade(0, "100", "1"), trade(1_000, "99", "1")];
    assert!(fires(&condition("down"), &fall));
    assert!(!fires(&condition("up"), &fall));
    let firing = fire(&condition("either"), &fall).unwrap();
    assert_eq!((firing.value, firing.threshold, firing.since), (Some(decimal("-1")), Some(decimal("1")), Some(at(0))));
    assert_eq!(firing.message, "BTCUSDT fell 1 % within 10 s, from 100 to 99; limit 1 %");
    assert!(!fires(&condition("either"), &[trade(0, "100", "1"), trade(10_001, "200", "1")]), "too long ago");
    assert!(!fires(&condition("either"), &[trade(0, "100", "1"), trade(1_000, "100.99", "1")]));
}

#[test]
fn move_references_come_from_the_query_and_from_the_window() {
    let event = trade(100_000, "100", "1");
    let seen = window(&[trade(95_000, "90", "1"), trade(99_000, "91", "1")]);
    let query = |observation: Option<MarketEvent>| {
        let moves = BTreeMap::from([(60, observation.as_ref().map(Observation::of))]);
        references(&event, &seen, &moves).moves.get(&60).map(|point| point.price.to_string())
    };
    assert_eq!(query(Some(trade(50_000, "80", "1"))).as_deref(), Some("80"));
    assert_eq!(query(None).as_deref(), Some("90"), "nothing read: the window's oldest");
    assert_eq!(query(Some(quote(50_000, "0", "1"))).as_deref(), Some("90"), "a row without a price");
    assert_eq!(query(Some(trade(30_000, "70", "1"))).as_deref(), Some("90"), "a row before the window");
    assert_eq!(query(Some(event.clone())).as_deref(), Some("90"), "the event itself");
    assert_eq!(references(&event, &[], &BTreeMap::from([(60, Some(Observation::of(&event)))])).moves, BTreeMap::new());
}

#[test]
fn only_windows_of_rules_that_look_at_the_event_are_required() {
    let of = |id: &str, seconds: u32, fields: Value| {
        let condition = json!({"kind": "move", "percent": 1, "window_seconds": seconds});
        with(with(rule(&condition), json!({"id": id})), fields)
    };
    let document = document(&[
        of("a", 60, json!({})),
        of("b", 60, json!({})),
        of("c", 300, json!({"symbols": ["BTC*"]})),
        of("d", 7, json!({"enabled": false})),
        of("e", 8, json!({"symbols": ["ETH*"]})),
        of("f", 9, json!({"event_types": ["bar"]})),
        with(rule(&json!({"kind": "crossed_for", "seconds": 10})), json!({"id": "g"})),
    ]);
    assert_eq!(required_windows(&document, &trade(0, "1", "1")), BTreeSet::from([60, 300]));
}

#[test]
fn crossed_quotes_are_timed_as_far_as_the_window_shows() {
    let condition = json!({"kind": "crossed_for", "seconds": 5});
    let crossed = |millis| quote(millis, "101", "100");
    let good = |millis| quote(millis, "100", "101");
    assert!(fires(&condition, &[crossed(0), trade(2_000, "100", "1"), crossed(5_000)]), "exactly five seconds");
    assert!(!fires(&condition, &[crossed(0), crossed(4_999)]));
    assert!(!fires(&condition, &[crossed(0), good(1_000), crossed(5_000)]), "good in between");
    assert!(!fires(&condition, &[crossed(0), quote(1_000, "101", "0"), crossed(5_000)]), "one-sided in between");
    assert!(!fires(&condition, &[crossed(0), good(6_000)]), "not crossed now");
    assert!(!fires(&condition, &[crossed(0), trade(6_000, "100", "1")]), "a trade says nothing");
    let firing = fire(&condition, &[good(0), crossed(1_000), crossed(2_000), crossed(6_500)]).unwrap();
    assert_eq!((firing.value, firing.observations, firing.since), (Some(decimal("5.5")), 3, Some(at(1_000))));
    assert!(fires(&json!({"kind": "crossed_for", "seconds": 0}), &[crossed(0)]));
}

#[test]
fn statistics_spreads_and_tags() {
    let spike: Vec<MarketEvent> = (0..30)
        .map(|index| {
            trade(index * 1000, if index % 2 == 0 { "100" } else { "100.1" }, if index % 3 == 0 { "1" } else { "2" })
        })
        .chain([trade(30_000, "105", "9")])
        .collect();
    let with_threshold = |kind: &str, threshold: &str| json!({"kind": kind, "threshold": threshold});
    assert!(fires(&with_threshold("return_zscore", "4"), &spike));
    assert!(!fires(&with_threshold("return_zscore", "400"), &spike));
    assert!(fires(&with_threshold("volume_zscore", "4"), &spike));
    assert!(!fires(&with_threshold("volume_zscore", "400"), &spike));
    assert!(fires(&with_threshold("volatility_above", "0.8"), &spike));
    assert!(!fires(&with_threshold("volatility_above", "10000"), &spike));
    let firing = fire(&with_threshold("return_zscore", "4"), &spike).unwrap();
    assert_eq!((firing.observations, firing.since), (29, Some(at(0))));
    assert_eq!(firing.value, enrich(&spike[30], &window(&spike[..30])).indicators.return_zscore.map(|z| z.value));

    let mut crash = spike.clone();
    crash[30] = trade(30_000, "95", "9");
    let firing = fire(&with_threshold("return_zscore", "4"), &crash).unwrap();
    assert!(firing.value.unwrap().is_sign_negative(), "to either side: {firing:?}");

    let wide = json!({"kind": "spread_above", "bps": "200"});
    assert!(!fires(&wide, &[quote(0, "99", "101")]), "200 bps are not above 200");
    assert!(fires(&wide, &[quote(0, "99", "101.01")]));
    assert!(!fires(&wide, &[quote(0, "99", "101.01"), trade(1, "100", "1")]), "only the quote itself");

    let tagged = document(&[rule(&json!({"kind": "tag", "tag": "crossed"}))]);
    let firing = fire_all(&tagged, &[quote(0, "101", "100")], &[Tag::Crossed]).pop().unwrap();
    assert_eq!((firing.value, firing.threshold, firing.unit.as_str()), (None, None, ""));
    assert!(fire_all(&tagged, &[quote(0, "101", "100")], &[Tag::Locked]).is_empty());
}

#[test]
fn symbol_type_and_switch_decide_who_is_looked_at() {
    let level = json!({"kind": "price_above", "threshold": "1", "trigger": "level"});
    let count = |fields: Value| fire_all(&document(&[with(rule(&level), fields)]), &[trade(0, "2", "1")], &[]).len();
    assert_eq!(count(json!({})), 1);
    assert_eq!(count(json!({"symbols": ["ETH*", "*USDT"]})), 1);
    assert_eq!(count(json!({"symbols": ["ETH*"]})), 0);
    assert_eq!(count(json!({"enabled": false})), 0);
    assert_eq!(count(json!({"event_types": ["quote", "bar"]})), 0);
}

#[test]
fn what_has_no_price_fires_nothing() {
    let rules: Vec<Value> = [
        json!({"kind": "price_above", "threshold": "1", "trigger": "level"}),
        json!({"kind": "price_below", "threshold": "99999", "trigger": "level"}),
        json!({"kind": "move", "percent": "0.0001", "window_seconds": 100}),
        json!({"kind": "spread_above", "bps": "0.1"}),
        json!({"kind": "crossed_for", "seconds": 0}),
    ]
    .into_iter()
    .zip(0..)
    .map(|(condition, index)| with(rule(&condition), json!({"id": format!("r{index}")})))
    .collect();
    assert!(fire_all(&document(&rules), &[trade(0, "1", "1"), quote(1, "5", "0")], &[]).is_empty());
}

#[test]
fn a_cooldown_is_a_fixed_window_of_event_time() {
    let id = RuleId::new("r").unwrap();
    let key = |seconds: u32, millis: i64| cooldown_key(&id, seconds, &trade(millis, "1", "1"));
    let first = key(300, 0);
    assert_eq!(first.audit_id, "cooldown#r#BTCUSDT#2021-01-08T00:00:00.000000Z");
    assert_eq!((first.window_start, first.window_end), (at(0), at(300_000)));
    assert_eq!(key(300, 299_999), first);
    assert_ne!(key(300, 300_000), first);
    assert_eq!(key(300, -1).window_start, at(-300_000));
    let none = key(0, 5);
    assert_eq!(none.audit_id, "cooldown#r#BTCUSDT#T-5");
    assert_eq!((none.window_start, none.window_end), (at(5), at(5)));
    let firing = fire(&json!({"kind": "price_above", "threshold": "1", "trigger": "level"}), &[trade(7, "2", "1")]);
    assert_eq!(firing.unwrap().cooldown(&trade(7, "2", "1")), first, "300 s by default");
}

/// The facts that travel in the Alert give the same verdict after the bus.
#[test]
fn real_events_fire_the_same_before_and_after_the_bus() {
    let rules: Vec<Value> = [
        json!({"kind": "price_above", "threshold": "39480"}),
        json!({"kind": "move", "percent": "0.05", "window_seconds": 10}),
        json!({"kind": "volatility_above", "threshold": "5"}),
        json!({"kind": "return_zscore", "threshold": "6"}),
        json!({"kind": "volume_zscore", "threshold": "6"}),
        json!({"kind": "spread_above", "bps": "3"}),
    ]
    .into_iter()
    .zip(0..)
    .map(|(condition, index)| with(rule(&condition), json!({"id": format!("r{index}")})))
    .collect();
    let document = document(&rules);
    let events = real_events();
    let mut fired: BTreeMap<String, usize> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        let window = window_of(&events, index, 50);
        let moves = BTreeMap::from([(10, None)]);
        let (enrichment, references) = (enrich(event, &window), references(event, &window, &moves));
        let before = evaluate(&document, &Facts { event, enrichment: &enrichment, references: &references, tags: &[] });
        let text = serde_json::to_string(&(&enrichment, &references)).unwrap();
        let (enrichment, references): (Enrichment, _) = serde_json::from_str(&text).unwrap();
        let after = evaluate(&document, &Facts { event, enrichment: &enrichment, references: &references, tags: &[] });
        assert_eq!(before, after);
        for firing in before {
            *fired.entry(firing.rule_id.to_string()).or_default() += 1;
        }
    }
    assert_eq!(fired.len(), rules.len(), "every rule fires at some time: {fired:?}");
    assert!(fired["r0"] < 100, "crossings, not every tick above: {fired:?}");
}

proptest! {
    #[test]
    fn cooldown_windows_hold_their_event_and_share_a_key(event in any_event(), seconds in 1_u32..=604_800, later in 0_i64..604_800_000_000) {
        let id = RuleId::new("r").unwrap();
        let one = cooldown_key(&id, seconds, &event);
        prop_assert!(one.window_start <= event.timestamp && event.timestamp < one.window_end);
        let micros = event.timestamp.as_microsecond() + later;
        let other = MarketEvent {
            event_id: EventId::new("other").unwrap(),
            timestamp: time::from_micros(micros).unwrap(),
            ..event.clone()
        };
        let other = cooldown_key(&id, seconds, &other);
        prop_assert_eq!(one.audit_id == other.audit_id, micros < one.window_end.as_microsecond());
        let elsewhere = MarketEvent { symbol: Symbol::new("OTHER:SYMBOL").unwrap(), ..event };
        prop_assert_ne!(one.audit_id, cooldown_key(&id, seconds, &elsewhere).audit_id);
    }

    /// Every price path: crossings up and down alternate.
    #[test]
    fn crossings_alternate(prices in prop::collection::vec(90_i64..110, 2..40)) {
        let events: Vec<MarketEvent> =
            prices.iter().zip(0..).map(|(price, index)| trade(index * 1000, &price.to_string(), "1")).collect();
        let both = document(&[
            with(rule(&json!({"kind": "price_above", "threshold": "99.5"})), json!({"id": "up"})),
            with(rule(&json!({"kind": "price_below", "threshold": "99.5"})), json!({"id": "down"})),
        ]);
        let mut last: Option<String> = None;
        for end in 2..=events.len() {
            let fired = fire_all(&both, &events[..end], &[]);
            prop_assert!(fired.len() <= 1);
            for firing in fired {
                let now = Some(firing.rule_id.to_string());
                prop_assert_ne!(&last, &now);
                last = now;
            }
        }
    }
}
