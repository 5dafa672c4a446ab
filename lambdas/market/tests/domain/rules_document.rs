//! Reading the rules document: defaults, every fault at once, and the way back.

use market::{
    business::Tag,
    event::EventType,
    fault::FaultCode::{
        self, BadFormat, Duplicate, Inconsistent, Missing, NotExact, OutOfRange, TooLarge, UnknownField, UnknownValue,
        UnknownVersion, WrongType,
    },
    rules::{Condition, Direction, MAX_RULES, RulesDocument, Severity, Trigger},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{any_json, decimal, with};

fn rule() -> Value {
    json!({
        "id": "btc-above-100k", "description": "A round number", "enabled": true, "severity": "critical",
        "symbols": ["BTCUSDT", "ETH*"], "event_types": ["trade"],
        "condition": {"kind": "price_above", "threshold": "100000"}, "cooldown_seconds": 600, "send_on_replay": true,
    })
}

fn document(rules: &[Value]) -> Value {
    json!({"version": 1, "rules": rules})
}

fn faults(document: &Value) -> Vec<(String, FaultCode)> {
    let faults = RulesDocument::from_json(document).expect_err("faults").faults;
    faults.into_iter().map(|fault| (fault.field, fault.code)).collect()
}

/// The faults of one rule with other fields, without the path's start.
fn rule_faults(fields: Value) -> Vec<(String, FaultCode)> {
    let faults = faults(&document(&[with(rule(), fields)]));
    faults.into_iter().map(|(field, code)| (field.trim_start_matches("rules[0]").to_owned(), code)).collect()
}

fn condition(condition: &Value) -> Condition {
    RulesDocument::from_json(&document(&[with(rule(), json!({"condition": condition, "event_types": null}))]))
        .unwrap()
        .rules
        .remove(0)
        .condition
}

#[test]
fn a_rule_is_read() {
    let document = RulesDocument::parse(&document(&[rule()]).to_string()).unwrap();
    let rule = document.rule("btc-above-100k").unwrap();
    assert_eq!(rule.severity, Severity::Critical);
    assert_eq!(rule.event_types, [EventType::Trade]);
    assert_eq!(rule.condition, Condition::PriceAbove { threshold: decimal("100000"), trigger: Trigger::Crossing });
    assert_eq!((rule.enabled, rule.cooldown_seconds, rule.send_on_replay), (true, 600, true));
    assert!(document.rule("other").is_none());
}

#[test]
fn what_is_left_out_has_a_default() {
    let least = json!({"id": "r", "severity": "info", "symbols": ["*"], "condition": {"kind": "tag", "tag": "locked"}});
    let rule = RulesDocument::from_json(&document(&[least])).unwrap().rules.remove(0);
    assert!(rule.enabled && !rule.send_on_replay && rule.event_types.is_empty() && rule.description.is_empty());
    assert_eq!(rule.cooldown_seconds, 300);
    assert_eq!(RulesDocument::parse(r#"{"version":1,"rules":[]}"#), Ok(RulesDocument::default()));
}

#[test]
fn every_kind_of_condition_is_read() {
    let threshold = decimal("0.8");
    let level = Trigger::Level;
    for (json, expected) in [
        (
            json!({"kind": "price_below", "threshold": 0.8, "trigger": "level"}),
            Condition::PriceBelow { threshold, trigger: level },
        ),
        (
            json!({"kind": "move", "percent": "1.5", "window_seconds": 300}),
            Condition::Move { percent: decimal("1.5"), direction: Direction::Either, window_seconds: 300 },
        ),
        (
            json!({"kind": "move", "percent": "150", "direction": "up", "window_seconds": 1}),
            Condition::Move { percent: decimal("150"), direction: Direction::Up, window_seconds: 1 },
        ),
        (json!({"kind": "volatility_above", "threshold": "0.8"}), Condition::VolatilityAbove { threshold }),
        (json!({"kind": "return_zscore", "threshold": "0.8"}), Condition::ReturnZscore { threshold }),
        (json!({"kind": "volume_zscore", "threshold": "0.8"}), Condition::VolumeZscore { threshold }),
        (json!({"kind": "spread_above", "bps": "25"}), Condition::SpreadAbove { bps: decimal("25") }),
        (json!({"kind": "crossed_for", "seconds": 5}), Condition::CrossedFor { seconds: 5 }),
        (json!({"kind": "tag", "tag": "price_spike"}), Condition::Tag { tag: Tag::PriceSpike }),
    ] {
        let read = condition(&json);
        assert_eq!(read, expected);
        assert_eq!(condition(&serde_json::to_value(&read).unwrap()), expected, "written and read again");
    }
}

#[test]
fn all_faults_of_all_rules_come_at_once() {
    let broken = json!({
        "version": 2,
        "rules": [
            {"id": "A", "severity": "loud", "symbols": [], "condition": {"kind": "move", "percent": "-1"}, "extra": 1},
            rule(),
            7,
            rule(),
        ],
        "more": true,
    });
    let expected = [
        ("", UnknownField),
        ("version", UnknownVersion),
        ("rules[0]", UnknownField),
        ("rules[0].id", BadFormat),
        ("rules[0].severity", UnknownValue),
        ("rules[0].symbols", TooLarge),
        ("rules[0].condition.percent", OutOfRange),
        ("rules[0].condition.window_seconds", Missing),
        ("rules[2]", WrongType),
        ("rules[3].id", Duplicate),
    ];
    assert_eq!(faults(&broken), expected.map(|(field, code)| (field.to_owned(), code)));
    let error = RulesDocument::from_json(&broken).unwrap_err();
    assert!(error.to_string().contains("10 fault(s)"), "{error}");
}

#[test]
fn limits_and_forms_are_checked() {
    let one = |fields: Value| {
        let mut faults = rule_faults(fields.clone());
        assert_eq!(faults.len(), 1, "{fields}: {faults:?}");
        faults.remove(0)
    };
    let fault = |field: &str, code| (field.to_owned(), code);
    assert_eq!(one(json!({"cooldown_seconds": 604_801})), fault(".cooldown_seconds", OutOfRange));
    assert_eq!(one(json!({"cooldown_seconds": 1.5})), fault(".cooldown_seconds", OutOfRange));
    assert_eq!(one(json!({"cooldown_seconds": "5"})), fault(".cooldown_seconds", WrongType));
    assert_eq!(one(json!({"description": "two\nlines"})), fault(".description", BadFormat));
    assert_eq!(one(json!({"enabled": 1})), fault(".enabled", WrongType));
    assert_eq!(one(json!({"symbols": ["BTC", "btc"]})), fault(".symbols[1]", BadFormat));
    assert_eq!(one(json!({"event_types": ["trade", "deal"]})), fault(".event_types[1]", UnknownValue));
    assert_eq!(one(json!({"event_types": ["trade", "trade"]})), fault(".event_types[1]", Duplicate));
    assert_eq!(one(json!({"condition": 5})), fault(".condition", WrongType));
    assert_eq!(one(json!({"condition": {"kind": "moon"}})), fault(".condition.kind", UnknownValue));
    let condition = |condition: Value| one(json!({"condition": condition}));
    assert_eq!(
        condition(json!({"kind": "price_above", "threshold": "1", "percent": 1})),
        fault(".condition", UnknownField)
    );
    assert_eq!(
        condition(json!({"kind": "price_above", "threshold": "1e400"})),
        fault(".condition.threshold", NotExact)
    );
    assert_eq!(condition(json!({"kind": "return_zscore", "threshold": 0})), fault(".condition.threshold", OutOfRange));
    assert_eq!(
        condition(json!({"kind": "move", "percent": 101, "direction": "down", "window_seconds": 60})),
        fault(".condition.percent", OutOfRange)
    );
    assert_eq!(
        condition(json!({"kind": "move", "percent": 1, "window_seconds": 0})),
        fault(".condition.window_seconds", OutOfRange)
    );
    // Rules that look at trades only and could never fire.
    assert_eq!(condition(json!({"kind": "spread_above", "bps": 1})), fault(".event_types", Inconsistent));
    assert_eq!(condition(json!({"kind": "crossed_for", "seconds": 1})), fault(".event_types", Inconsistent));
    assert_eq!(condition(json!({"kind": "tag", "tag": "locked"})), fault(".event_types", Inconsistent));
    assert!(
        !rule_faults(json!({"event_types": ["quote"], "condition": {"kind": "volume_zscore", "threshold": 4}}))
            .is_empty()
    );
}

#[test]
fn a_document_of_too_many_rules_or_no_json_is_refused() {
    let many: Vec<Value> = (0..=MAX_RULES).map(|index| with(rule(), json!({"id": format!("r{index}")}))).collect();
    assert!(RulesDocument::from_json(&document(&many[..MAX_RULES])).is_ok());
    assert_eq!(faults(&document(&many)), [("rules".to_owned(), FaultCode::TooLarge)]);
    assert_eq!(RulesDocument::parse("{").unwrap_err().faults[0].code, FaultCode::NotJson);
    assert_eq!(RulesDocument::parse("").unwrap_err().faults[0].code, FaultCode::NotJson);
    assert_eq!(RulesDocument::parse("[]").unwrap_err().faults[0].code, FaultCode::WrongType);
}

#[test]
fn a_document_survives_serde() {
    let read = RulesDocument::from_json(&document(&[rule()])).unwrap();
    let text = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<RulesDocument>(&text).unwrap(), read);
    assert!(serde_json::from_str::<RulesDocument>(r#"{"version":3}"#).is_err());
}

proptest! {
    #[test]
    fn any_text_gives_a_verdict(text in "\\PC{0,200}") {
        prop_assert!(RulesDocument::parse(&text).is_err());
    }

    #[test]
    fn any_json_gives_a_verdict_and_what_is_accepted_is_stable(
        value in any_json(), fields in any_json(), condition in any_json(),
    ) {
        let mutated = with(rule(), json!({"condition": with(rule()["condition"].clone(), condition)}));
        for value in [value, document(&[with(rule(), fields)]), document(&[mutated])] {
            match RulesDocument::from_json(&value) {
                Ok(read) => {
                    let written = serde_json::to_value(&read).unwrap();
                    prop_assert_eq!(RulesDocument::from_json(&written), Ok(read));
                }
                Err(error) => prop_assert!(!error.faults.is_empty()),
            }
        }
    }
}
