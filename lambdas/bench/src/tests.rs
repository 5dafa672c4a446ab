//! The bench itself, with functions that are a few lines in this process: nothing here looks at a clock.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::{Cloud, lock};
use crate::latency::Model;
use crate::run::QUIET;
use crate::sample::Sample;

const SAMPLE: Sample = Sample {
    first: false,
    wall: Duration::ZERO,
    held: Duration::ZERO,
    cpu: Duration::ZERO,
    waited: Duration::ZERO,
    trips: 0,
    calls: 0,
};

fn detail(envelope: &str) -> Value {
    serde_json::from_str::<Value>(envelope).unwrap()["detail"].clone()
}

/// Ingestion: stores and publishes. Every third event fails on its first attempt, after it was stored.
async fn ingest(cloud: Arc<Cloud>) {
    let mut failed = std::collections::BTreeSet::new();
    while let Some(message) = cloud.queues[0].pop().await {
        let event = detail(&message.envelope);
        let id = event["event_id"].as_str().unwrap().to_owned();
        let put = json!({
            "TableName": "events", "ConditionExpression": "attribute_not_exists(event_id)",
            "Item": {
                "event_id": {"S": id}, "timestamp": {"S": "t"}, "symbol": {"S": "BTC"}, "status": {"S": "RECEIVED"}
            }
        });
        cloud.answer("PutItem", put.to_string().as_bytes());
        if id.ends_with('3') && failed.insert(id) {
            cloud.failed(0, message, b"throttled");
            continue;
        }
        let entry = json!({"DetailType": "MarketData.Validated", "Source": "marketdata.ingestion", "Detail": event.to_string()});
        cloud.answer("PutEvents", json!({"Entries": [entry]}).to_string().as_bytes());
        cloud.handled(0, SAMPLE);
    }
}

/// Processing: marks the row, once.
async fn process(cloud: Arc<Cloud>) {
    while let Some(message) = cloud.queues[1].pop().await {
        let id = detail(&message.envelope)["event_id"].clone();
        let update = json!({
            "TableName": "events", "Key": {"event_id": {"S": id}, "timestamp": {"S": "t"}},
            "ConditionExpression": "#s = :r", "UpdateExpression": "SET #s = :p",
            "ExpressionAttributeNames": {"#s": "status"},
            "ExpressionAttributeValues": {":r": {"S": "RECEIVED"}, ":p": {"S": "PROCESSED"}}
        });
        cloud.answer("UpdateItem", update.to_string().as_bytes());
        cloud.handled(1, SAMPLE);
    }
}

async fn until_idle(cloud: &Cloud) {
    while !cloud.is_idle() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn every_event_passes_both_queues_once_also_if_an_attempt_fails() {
    let cloud = Cloud::new(Model::Constant(Duration::ZERO), QUIET);
    tokio::spawn(ingest(cloud.clone()));
    for _ in 0..3 {
        tokio::spawn(process(cloud.clone()));
    }
    for index in 0..100 {
        cloud.feed(&format!("e{index}"), &json!({"event_id": format!("e{index}")}).to_string());
    }
    until_idle(&cloud).await;
    let ledger = lock(&cloud.ledger);
    assert_eq!(lock(&cloud.store).counts(), (100, 100));
    assert_eq!(ledger.processed.len(), 100);
    assert!(ledger.processed.values().all(|times| *times == 1));
    assert!(ledger.errors >= 10, "{}", ledger.errors);
    assert_eq!((ledger.dead_letters, ledger.end_to_end.len()), (0, 100));
}

#[tokio::test]
async fn the_third_failure_is_the_last() {
    let cloud = Cloud::new(Model::Constant(Duration::ZERO), QUIET);
    cloud.feed("e", "{}");
    for _ in 0..3 {
        let message = cloud.queues[0].pop().await.unwrap();
        cloud.failed(0, message, b"broken");
    }
    assert!(cloud.is_idle());
    let ledger = lock(&cloud.ledger);
    assert_eq!((ledger.errors, ledger.dead_letters), (3, 1));
}
