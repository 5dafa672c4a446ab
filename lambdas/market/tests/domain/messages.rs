//! The alert's text, as a person and as a machine gets it.

use std::collections::BTreeMap;

use market::{
    business::Tag,
    derived::{AlertDetail, ValidatedDetail},
    enrichment::enrich,
    event::{Currency, MarketEvent, Symbol},
    identifier::RuleId,
    message::{Links, MAX_SUBJECT_CHARS, REPEAT_NOTE, render},
    rules::{Firing, RulesDocument, Severity, evaluate, references},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{trade, window};

fn alert(replay: Option<&str>) -> AlertDetail {
    let earlier = [trade(0, "99999.5", "1"), trade(1_000, "99990", "2")];
    let currency = Currency::new("USD").ok();
    let event = MarketEvent { sequence: Some(7), currency, ..trade(2_000, "100000.50", "0.5") };
    let window = window(&earlier);
    let validated = ValidatedDetail::new(event.clone(), None, replay.map(str::to_owned));
    AlertDetail::new(
        event.clone(),
        enrich(&event, &window),
        references(&event, &window, &BTreeMap::new()),
        vec![Tag::PriceSpike, Tag::VolumeSpike],
        vec![RuleId::new("btc-above-100k").unwrap()],
        &validated.metadata,
        None,
    )
}

fn firing(alert: &AlertDetail) -> Firing {
    let rules = json!({"version": 1, "rules": [{
        "id": "btc-above-100k", "description": "A round number that people watch", "severity": "critical",
        "symbols": ["BTCUSDT"], "condition": {"kind": "price_above", "threshold": "100000"},
    }]});
    evaluate(&RulesDocument::from_json(&rules).unwrap(), &alert.facts()).remove(0)
}

fn links() -> Links {
    Links {
        trace: Some("https://console.example/trace/1-2-3".to_owned()),
        event: Some("https://console.example/item/T-2000".to_owned()),
        runbook: None,
    }
}

#[test]
fn a_mail_says_what_value_threshold_window_and_where_to_look() {
    let alert = alert(None);
    let message = render(&firing(&alert), &alert, &links(), false);
    assert_eq!(message.subject, "[CRITICAL] BTCUSDT price 100000.5 crossed above 100000 (btc-above-100k)");
    insta::assert_snapshot!(message.text, @r"
    BTCUSDT price 100000.5 crossed above 100000; before: 99990

    Rule          btc-above-100k (critical)
                  A round number that people watch
    Value         100000.5 USD
    Threshold     100000 USD
    Observations  2, since 2021-01-08T00:00:01.000000Z
    Window        2 earlier events, 2021-01-08T00:00:00.000000Z to 2021-01-08T00:00:01.000000Z
    Event         trade T-2000 at 2021-01-08T00:00:02.000000Z
    From          marketdata.feed.test, venue BINANCE, sequence 7
    Tags          price_spike, volume_spike
    Alert event   T-2000:alert
    Correlation   T-2000
    Quiet until   2021-01-08T00:05:00.000000Z, by the time of events, for this rule and symbol
    See trace     https://console.example/trace/1-2-3
    See event     https://console.example/item/T-2000
    ");
}

#[test]
fn replays_and_possible_repeats_are_marked() {
    let alert = alert(Some("replay-7"));
    let message = render(&firing(&alert), &alert, &Links::default(), true);
    assert!(message.subject.starts_with("[REPLAY CRITICAL] "), "{}", message.subject);
    assert!(message.text.contains("replay-7"), "{}", message.text);
    assert!(message.text.contains(REPEAT_NOTE), "{}", message.text);
    assert_eq!(message.json["may_be_repeat"], true);
    assert_eq!(message.json["replay"], "replay-7");
    assert!(!message.text.contains("See trace"), "no link without a target");
}

#[test]
fn machines_get_the_same_as_json() {
    let alert = alert(None);
    let message = render(&firing(&alert), &alert, &links(), false);
    let structure: BTreeMap<String, String> = serde_json::from_str(&message.sns_structure()).unwrap();
    assert_eq!(structure["default"], message.text);
    assert_eq!(structure["email"], message.text);
    assert_eq!(structure["sms"], message.subject);
    let machine: Value = serde_json::from_str(&structure["sqs"]).unwrap();
    assert_eq!(machine, message.json);
    assert_eq!(machine["firing"]["value"].to_string(), "100000.5");
    assert_eq!(machine["firing"]["threshold"].to_string(), "100000");
    assert_eq!(machine["event"]["price"], "100000.5");
    assert_eq!(machine["event_id"], "T-2000:alert");
    assert_eq!(machine["correlation_id"], "T-2000");
    assert_eq!(machine["quiet_until"], "2021-01-08T00:05:00.000000Z");
    assert_eq!(machine["links"]["trace"], "https://console.example/trace/1-2-3");
    let read: Firing = serde_json::from_value(machine["firing"].clone()).unwrap();
    assert_eq!(read, firing(&alert));
}

proptest! {
    #[test]
    fn subjects_are_ascii_short_and_bodies_keep_their_lines(
        symbol in "[A-Z0-9./:_-]{1,32}", rule in "[a-z0-9-]{1,64}", message in "\\PC{0,200}", text in "[\\PC\r\n\t]{0,60}",
        severity in prop::sample::select(vec![Severity::Info, Severity::Warning, Severity::Critical]),
    ) {
        let mut alert = alert(Some("r"));
        alert.event.symbol = Symbol::new(symbol).unwrap();
        alert.event.source.clone_from(&text);
        let plain = firing(&self::alert(None));
        let lines = |alert: &AlertDetail, firing: &Firing, links: &Links| {
            render(firing, alert, links, false).text.lines().count()
        };
        let firing = Firing { rule_id: RuleId::new(rule).unwrap(), severity, message, ..plain.clone() };
        let found = render(&firing, &alert, &links(), false);
        prop_assert!((1..=MAX_SUBJECT_CHARS).contains(&found.subject.len()), "{}", found.subject);
        prop_assert!(found.subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let hostile = Links { trace: Some(text), ..links() };
        prop_assert_eq!(lines(&alert, &plain, &hostile), lines(&self::alert(Some("r")), &plain, &links()));
    }
}
