//! The whole path: raw trade → validated → processed, with the right numbers → alert → message.

use end_to_end::Stack;
use end_to_end::events::{Row, id, text, time, to_json, trade, unique};
use end_to_end::recompute::{Tick, compare};
use serde_json::{Value, json};

#[tokio::test]
async fn a_trade_goes_all_the_way_with_the_right_numbers_and_an_alert_a_person_can_act_on() {
    let (stack, _guard) = Stack::shared().await;
    let spy = stack.spy().await;
    let symbol = unique("PATH");
    // Thirty calm trades, one after the other in event time, then a jump of 3 %.
    let prices = ["100.01", "100.02", "99.99", "100.00", "100.03"].iter().cycle();
    let calm: Vec<Value> = prices
        .zip((1..=30).rev())
        .map(|(price, seconds_ago)| trade(&symbol, price, &time(1000 * seconds_ago)))
        .collect();
    stack.publish(&calm).await;
    let mut rows: Vec<Row> = Vec::new();
    for event in &calm {
        rows.push(stack.processed(event).await);
    }
    let jump = trade(&symbol, "103.05", &time(0));
    stack.publish(std::slice::from_ref(&jump)).await;
    let row = stack.processed(&jump).await;

    // What was stored of the event itself.
    let payload: Value = serde_json::from_str(text(&row, "payload").expect("payload")).expect("JSON");
    assert_eq!(payload, jump);
    assert_eq!(row["price"].as_n().map(String::as_str), Ok("103.05"));
    assert_eq!(text(&row, "source"), Some("marketdata.feed.test"));
    assert_eq!(text(&row, "correlation_id"), Some(id(&jump)));

    // The numbers: the window is all thirty (they were stored before the jump came), recomputed from their rows.
    let enrichment = to_json(&row["enrichment"]);
    assert_eq!(enrichment["window"]["count"], 30);
    assert_eq!(enrichment["window"]["first_timestamp"], calm[0]["timestamp"]);
    assert_eq!(enrichment["window"]["last_timestamp"], calm[29]["timestamp"]);
    let window: Vec<Tick> = rows.iter().map(Tick::of).collect();
    let compared =
        compare(&enrichment["indicators"], &window, Tick::of(&row)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(compared, 8, "all but the volume's z-score, for equal sizes have none: {enrichment}");
    // 103.05 − 100.03 and in percent of it, by hand.
    let change = &enrichment["indicators"]["change_previous"];
    assert_eq!(change["absolute"], json!(3.02).to_string().parse::<Value>().unwrap(), "{change}");
    let percent: f64 = change["percent"].to_string().parse().expect("a number");
    assert!((percent - 3.019_094_271_718_484_4).abs() < 1e-9, "{percent}");

    // The message.
    let sent = stack.audited(id(&jump), "notification", "SENT").await;
    assert_eq!(text(&sent, "correlation_id"), Some(id(&jump)));
    let message = spy.notification(&stack, id(&jump)).await;
    let subject = message["Subject"].as_str().expect("a subject");
    assert!(subject.is_ascii() && subject.len() <= 100 && subject.contains(&symbol), "{subject}");
    let attributes = &message["MessageAttributes"];
    assert_eq!(attributes["symbol"]["Value"], json!(symbol));
    assert_eq!(attributes["rule"]["Value"], "move-1pct-1m");
    assert_eq!(attributes["severity"]["Value"], "warning");
    let body = message["Message"].as_str().expect("a body");
    for part in [symbol.as_str(), id(&jump), "103.05", "move-1pct-1m", "60"] {
        assert!(body.contains(part), "the message lacks {part}: {body}");
    }

    // Three stages, one attempt each.
    for (stage, status) in [("ingestion", "STORED"), ("processing", "PROCESSED")] {
        assert_eq!(stack.audit_statuses(id(&jump), stage).await, [status]);
    }
    // The same event again, and the same alert again: nothing more is sent.
    stack.publish(std::slice::from_ref(&jump)).await;
    stack.audited(id(&jump), "ingestion", "DUPLICATE").await;
    assert!(spy.take(&stack, id(&jump)).await.is_empty(), "one event, one message");
    spy.close(&stack).await;
}

#[tokio::test]
async fn a_second_alert_within_the_cool_down_is_suppressed_and_audited() {
    let (stack, _guard) = Stack::shared().await;
    let spy = stack.spy().await;
    let symbol = unique("COOL");
    // Fixed times inside one cool-down window of 300 s, whatever the clock says: 10 s after a multiple of 900 s.
    let window = jiff::Timestamp::now().as_second() / 900 * 900 - 900;
    let at = |second: i64| format!("{:.6}", jiff::Timestamp::from_second(window + 10 + second).expect("in range"));
    let (first, jump, again) =
        (trade(&symbol, "100", &at(0)), trade(&symbol, "102", &at(1)), trade(&symbol, "105", &at(2)));
    for event in [&first, &jump] {
        stack.publish(std::slice::from_ref(event)).await;
        stack.processed(event).await;
    }
    stack.audited(id(&jump), "notification", "SENT").await;
    stack.publish(std::slice::from_ref(&again)).await;
    stack.audited(id(&again), "notification", "SUPPRESSED").await;
    let messages = spy.take(&stack, &symbol).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0]["Message"].as_str().is_some_and(|body| body.contains(id(&jump))));
    spy.close(&stack).await;
}
