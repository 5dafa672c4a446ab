//! A burst far above what ten environments take at once.

use std::collections::HashSet;

use end_to_end::Stack;
use end_to_end::events::{id, time, trade, unique};

#[tokio::test]
async fn a_burst_of_500_at_ten_environments_loses_nothing_and_doubles_nothing() {
    let (stack, _guard) = Stack::shared().await;
    let concurrency = stack
        .lambda
        .get_function_concurrency()
        .function_name(&stack.stages.ingestion.function_name)
        .send()
        .await
        .expect("GetFunctionConcurrency");
    assert_eq!(concurrency.reserved_concurrent_executions, Some(10));

    let symbol = unique("BURST");
    let events: Vec<_> = (0..500).map(|n| trade(&symbol, "100", &time(500 - n))).collect();
    stack.publish(&events).await;
    for event in &events {
        stack.processed(event).await;
    }

    let rows = stack.rows_of(&symbol).await;
    let ids: HashSet<_> = rows.iter().map(|row| row["event_id"].as_s().unwrap().as_str()).collect();
    assert_eq!(rows.len(), 500);
    assert_eq!(ids, events.iter().map(id).collect());
    for event in &events {
        // Delivery is at least once (a client repeats a call whose answer is late), the effect exactly once.
        let statuses = stack.audit_statuses(id(event), "processing").await;
        assert_eq!(statuses.iter().filter(|status| *status == "PROCESSED").count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| ["PROCESSED", "DUPLICATE"].contains(&status.as_str())), "{statuses:?}");
    }
}
