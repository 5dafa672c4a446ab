//! The same event again has no second effect; other content under the same identity never replaces the first.

use end_to_end::Stack;
use end_to_end::events::{id, text, time, trade, unique};
use end_to_end::wait::{PATIENCE, until};
use serde_json::json;

#[tokio::test]
async fn the_same_event_twice_is_stored_and_processed_once() {
    let (stack, _guard) = Stack::shared().await;
    let event = trade(&unique("DUP"), "100.10", &time(0));
    stack.publish(std::slice::from_ref(&event)).await;
    let first = stack.processed(&event).await;

    stack.publish(std::slice::from_ref(&event)).await;
    stack.audited(id(&event), "ingestion", "DUPLICATE").await;

    assert_eq!(stack.row(&event).await.as_ref(), Some(&first), "the duplicate changed the row");
    // The duplicate was dropped at ingestion: processing saw the event once.
    assert_eq!(stack.audit_statuses(id(&event), "processing").await, ["PROCESSED"]);
    assert_eq!(stack.audit_statuses(id(&event), "ingestion").await, ["STORED", "DUPLICATE"]);
}

#[tokio::test]
async fn ten_copies_at_once_have_one_effect() {
    let (stack, _guard) = Stack::shared().await;
    let event = trade(&unique("TEN"), "100.10", &time(0));
    stack.publish(&vec![event.clone(); 10]).await;
    stack.processed(&event).await;
    // Every attempt is audited, and delivery is at least once: ten or more.
    let ingestion = until("ten audited attempts", PATIENCE, || async {
        let statuses = stack.audit_statuses(id(&event), "ingestion").await;
        if statuses.len() >= 10 { Ok(statuses) } else { Err(format!("{statuses:?}")) }
    })
    .await;
    assert_eq!(ingestion.iter().filter(|status| *status == "STORED").count(), 1, "{ingestion:?}");
    assert!(ingestion.iter().all(|s| ["STORED", "DUPLICATE", "REPUBLISHED"].contains(&s.as_str())), "{ingestion:?}");
    let processing = stack.audit_statuses(id(&event), "processing").await;
    assert_eq!(processing.iter().filter(|status| *status == "PROCESSED").count(), 1, "{processing:?}");
}

#[tokio::test]
async fn other_content_under_the_same_identity_is_a_conflict_and_the_first_stays() {
    let (stack, _guard) = Stack::shared().await;
    let event = trade(&unique("CON"), "100.10", &time(0));
    stack.publish(std::slice::from_ref(&event)).await;
    let first = stack.processed(&event).await;

    let mut other = event.clone();
    other["price"] = json!("999.99");
    stack.publish(&[other]).await;
    stack.audited(id(&event), "ingestion", "CONFLICT").await;

    let row = stack.row(&event).await.expect("the row stays");
    assert_eq!(row, first);
    assert!(text(&row, "payload").is_some_and(|payload| payload.contains("100.10")), "{row:?}");
}
