//! What the functions read from outside, given any bytes: a verdict, never a panic, and what is accepted comes back the
//! same from its own text.
//!
//! `cargo test` replays each target's corpus (`__fuzz__/TARGET/corpus`) and whatever once failed (`crashes`), then tries a
//! second of random input. `make fuzz` looks further, guided by coverage; a failing input that it finds is left in
//! `crashes`, to be committed with its fix.
#![expect(clippy::unwrap_used, reason = "a target that cannot go on has found something")]

use std::time::Duration;

use market::derived::{AlertDetail, ValidatedDetail};
use market::envelope::Envelope;
use market::event::{MarketEvent, Receipt, canonical_json, validate};
use market::fault::{MAX_FAULTS_BYTES, MAX_SUMMARY_BYTES, Rejection};
use market::rules::{RulesDocument, evaluate, required_windows};
use serde_json::Value;

/// The bytes that ingestion is invoked with.
#[test]
fn envelope() {
    bolero::check!().for_each(|bytes: &[u8]| match Envelope::parse(bytes) {
        Ok(envelope) => {
            let text = serde_json::to_vec(&envelope).unwrap();
            assert_eq!(Envelope::parse(&text).as_ref(), Ok(&envelope));
            let received_at = envelope.time;
            judge(&envelope.detail, &Receipt::new(&envelope, received_at, Duration::from_mins(5)));
        }
        Err(rejection) => assert_can_be_sent(&rejection),
    });
}

/// A raw detail alone: nearer to the fields than a whole envelope.
#[test]
fn detail() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let time = jiff::Timestamp::UNIX_EPOCH;
        let receipt = Receipt {
            envelope_id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
            envelope_time: time,
            source: "marketdata.feed.fuzz",
            received_at: time,
            max_future_skew: Duration::MAX,
        };
        if let Ok(detail) = serde_json::from_slice(bytes) {
            judge(&detail, &receipt);
        }
    });
}

/// What processing and notification read from the bus.
#[test]
fn derived() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let Ok(detail) = serde_json::from_slice(bytes) else { return };
        match ValidatedDetail::from_json(&detail) {
            Ok(validated) => assert_eq!(ValidatedDetail::from_json(&reread(&validated)), Ok(validated)),
            Err(rejection) => assert_can_be_sent(&rejection),
        }
        match AlertDetail::from_json(&detail) {
            Ok(alert) => assert_eq!(AlertDetail::from_json(&reread(&alert)), Ok(alert)),
            Err(rejection) => assert_can_be_sent(&rejection),
        }
    });
}

/// The alert rules document, and what an accepted one makes of an alert.
#[test]
fn rules() {
    // Text that is accepted by `derived`: with indicators, references and tags for conditions of every kind.
    let alert: Value = serde_json::from_str(include_str!("__fuzz__/derived/corpus/alert-quote.json")).unwrap();
    let alert = AlertDetail::from_json(&alert).unwrap();
    bolero::check!().for_each(move |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        match RulesDocument::parse(&text) {
            Ok(document) => {
                let written = serde_json::to_string(&document).unwrap();
                assert_eq!(RulesDocument::parse(&written).as_ref(), Ok(&document));
                assert!(required_windows(&document, &alert.event).len() <= document.rules.len());
                for firing in evaluate(&document, &alert.facts()) {
                    assert!(document.rule(firing.rule_id.as_str()).is_some_and(|rule| rule.enabled));
                    let cooldown = firing.cooldown(&alert.event);
                    assert!(cooldown.window_start <= alert.event.timestamp);
                }
            }
            Err(invalid) => assert!(!invalid.faults.is_empty()),
        }
    });
}

/// Validates a detail; an accepted event keeps its meaning as text, and so does the payload that would be stored.
fn judge(detail: &Value, receipt: &Receipt<'_>) {
    let payload = canonical_json(detail);
    let again: Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(canonical_json(&again), payload);
    let verdict = validate(detail, receipt);
    assert_eq!(validate(&again, receipt), verdict);
    match verdict {
        Ok(event) => assert_eq!(MarketEvent::from_json(&reread(&event)), Ok(event)),
        Err(rejection) => assert_can_be_sent(&rejection),
    }
}

fn reread(value: &impl serde::Serialize) -> Value {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

/// A rejection becomes attributes of an SQS message, which have limits.
fn assert_can_be_sent(rejection: &Rejection) {
    assert!(!rejection.faults.is_empty());
    let summary = rejection.summary();
    assert!(!summary.is_empty() && summary.len() <= MAX_SUMMARY_BYTES);
    assert!(!summary.chars().any(char::is_control));
    let faults = rejection.faults_json();
    assert!(faults.len() <= MAX_FAULTS_BYTES);
    serde_json::from_str::<Vec<Value>>(&faults).unwrap();
}
