//! Events that can never succeed: straight to the dead letter queue, every fault named, no retry.

use end_to_end::Stack;
use end_to_end::events::{id, text, time, unique};
use serde_json::{Value, json};

#[tokio::test]
async fn a_malformed_event_is_rejected_once_with_every_fault_named() {
    let (stack, _guard) = Stack::shared().await;
    let event = json!({
        "event_id": unique("BAD-"), "event_type": "trade", "symbol": "not a symbol", "timestamp": time(0),
        "price": "-1", "size": 0, "side": "hold", "note": "kept",
    });
    stack.publish(std::slice::from_ref(&event)).await;

    let letters = stack.dead_letters(&stack.stages.ingestion, id(&event)).await;
    let [letter] = letters.as_slice() else { panic!("one dead letter, not {letters:?}") };
    assert_eq!(letter.attribute("ErrorCode"), "VALIDATION");
    assert_eq!(letter.attribute("Stage"), "ingestion");
    assert!(!letter.attribute("RequestID").is_empty());
    let faults: Vec<Value> = serde_json::from_str(letter.attribute("Faults")).expect("Faults is JSON");
    let mut fields: Vec<&str> = faults.iter().filter_map(|fault| fault["field"].as_str()).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["price", "side", "size", "symbol"]);
    // The original envelope, so that it can be mended and sent again.
    assert_eq!(letter.envelope["detail-type"], "MarketData.Raw");
    assert_eq!(letter.envelope["detail"], event);

    stack.audited(id(&event), "ingestion", "REJECTED").await;
    assert_eq!(stack.audit_statuses(id(&event), "ingestion").await, ["REJECTED"], "a rejection is not retried");
    assert!(stack.row(&event).await.is_none(), "a rejected event is not stored");
}

#[tokio::test]
async fn an_unknown_schema_version_is_rejected_by_name() {
    let (stack, _guard) = Stack::shared().await;
    let event = json!({
        "schema_version": 7, "event_id": unique("V7-"), "event_type": "trade", "symbol": "AAPL",
        "timestamp": time(0), "price": "1", "size": "1",
    });
    stack.publish(std::slice::from_ref(&event)).await;
    let letters = stack.dead_letters(&stack.stages.ingestion, id(&event)).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].attribute("ErrorCode"), "UNKNOWN_VERSION");
    assert!(letters[0].attribute("ErrorMessage").contains('7'), "{letters:?}");
}

#[tokio::test]
async fn news_of_an_event_that_was_never_stored_is_rejected_by_processing() {
    let (stack, _guard) = Stack::shared().await;
    let event_id = unique("GHOST-");
    let validated = json!({
        "schema_version": 1, "event_id": format!("{event_id}:validated"),
        "event": {"event_id": event_id, "event_type": "trade", "symbol": "AAPL", "timestamp": time(0),
                  "source": "marketdata.feed.test", "price": "1", "size": "1"},
        "metadata": {"correlation_id": event_id, "causation_id": event_id},
    });
    let entry = stack.entry("MarketData.Validated", "marketdata.ingestion", &validated, None);
    stack.eventbridge.put_events().entries(entry).send().await.expect("PutEvents");
    let letters = stack.dead_letters(&stack.stages.processing, &event_id).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].attribute("ErrorCode"), "NOT_STORED");
    assert_eq!(letters[0].attribute("Stage"), "processing");
}

#[tokio::test]
async fn an_event_from_a_stranger_reaches_no_stage() {
    let (stack, _guard) = Stack::shared().await;
    let symbol = unique("STR");
    let stray = end_to_end::events::trade(&symbol, "1", &time(0));
    let known = end_to_end::events::trade(&symbol, "1", &time(0));
    // Right detail-type, wrong source; then a right one behind it, whose arrival shows that the first had its chance.
    let entry = stack.entry("MarketData.Raw", "somebody.else", &stray, None);
    stack.eventbridge.put_events().entries(entry).send().await.expect("PutEvents");
    stack.publish(std::slice::from_ref(&known)).await;
    let row = stack.processed(&known).await;
    assert_eq!(text(&row, "symbol"), Some(symbol.as_str()));
    assert!(stack.row(&stray).await.is_none());
    assert!(stack.audit_statuses(id(&stray), "ingestion").await.is_empty());
}
