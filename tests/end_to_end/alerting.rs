//! Alerts that are hard to get right: a storm of them, and a plain threshold on a symbol that hardly trades.

use std::collections::BTreeSet;

use end_to_end::Stack;
use end_to_end::events::{id, text, trade, unique};
use end_to_end::wait::{PATIENCE, until};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Enough for every environment of every stage to be busy with it.
const STORM: i64 = 200;

/// A time in a cool-down window that no other run has used: `btc-above-100k` has one an hour, of event time.
fn second_of_an_unused_hour() -> i64 {
    let now = Timestamp::now();
    let hours_ago = 24 + i64::from(now.subsec_nanosecond().unsigned_abs() / 1000 % 50_000);
    now.as_second() / 3600 * 3600 - hours_ago * 3600
}

fn at(second: i64, millisecond: i64) -> String {
    format!("{:.6}", Timestamp::from_millisecond(second * 1000 + millisecond).expect("in range"))
}

#[tokio::test]
async fn a_storm_on_one_symbol_sends_one_message_and_audits_the_rest() {
    let (stack, _guard) = Stack::shared().await;
    let spy = stack.spy().await;
    let symbol = unique("STORM");
    // A wide spread needs no history: every quote alerts, however they overtake each other. All of them lie within one
    // cool-down window of 300 s.
    let window = Timestamp::now().as_second() / 900 * 900 - 900;
    let quotes: Vec<Value> = (0..STORM)
        .map(|n| {
            json!({
                "event_id": unique("E2E-"), "event_type": "quote", "symbol": symbol, "timestamp": at(window + 10, n * 100),
                "bid": "100", "ask": "102", "bid_size": "1", "ask_size": "1",
            })
        })
        .collect();
    stack.publish(&quotes).await;

    let mut statuses = Vec::new();
    for quote in &quotes {
        let what = format!("an outcome for {}", id(quote));
        let outcome = until(&what, PATIENCE, || async {
            let seen = stack.audit_statuses(id(quote), "notification").await;
            let decided = seen.iter().any(|status| status == "SENT" || status == "SUPPRESSED");
            if decided { Ok(BTreeSet::from_iter(seen)) } else { Err(format!("{seen:?}")) }
        });
        statuses.push(outcome.await);
    }
    let with = |status: &str| statuses.iter().filter(|statuses| statuses.contains(status)).count();
    assert_eq!((with("SENT"), with("SUPPRESSED")), (1, quotes.len() - 1), "{statuses:?}");

    let messages = spy.take(&stack, &symbol).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(messages[0]["MessageAttributes"]["rule"]["Value"], "spread-wide");
    spy.close(&stack).await;
}

#[tokio::test]
async fn a_plain_threshold_on_a_symbol_that_hardly_trades_reaches_its_reader() {
    let (stack, _guard) = Stack::shared().await;
    let spy = stack.spy().await;
    let second = second_of_an_unused_hour();
    let (below, above) = (trade("BTCUSD", "99990", &at(second, 0)), trade("BTCUSD", "100010", &at(second + 1800, 0)));
    for event in [&below, &above] {
        stack.publish(std::slice::from_ref(event)).await;
        stack.processed(event).await;
    }
    // No business rule has anything to say about it, and half an hour lies between the two: the alert rule alone made
    // processing publish an alert.
    let row = stack.processed(&above).await;
    let tags = row.get("tags").and_then(|tags| tags.as_ss().ok());
    assert!(tags.is_none_or(Vec::is_empty), "{row:?}");
    let sent = stack.audited(id(&above), "notification", "SENT").await;
    assert_eq!(text(&sent, "correlation_id"), Some(id(&above)));
    let message = spy.notification(&stack, id(&above)).await;
    assert_eq!(message["MessageAttributes"]["rule"]["Value"], "btc-above-100k");
    assert_eq!(stack.audit_statuses(id(&below), "notification").await, [""; 0], "on its own side of the threshold");
    spy.close(&stack).await;
}
