//! Publishing: chunks, partial failures, the deadline.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use fake_aws::{FakeAws, Fault, world};
use jiff::Timestamp;
use pipeline::bus::{Bus, Entry};
use pipeline::clock::{Clock, Deadline, ManualClock};
use serde_json::{Value, json};

fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

fn bus(aws: &FakeAws) -> (Bus, Arc<ManualClock>) {
    let clock = ManualClock::at(start());
    (Bus::new(&aws.sdk_config(), clock.clone()), clock)
}

fn deadline(seconds: i64) -> Deadline {
    Deadline::new(start(), start() + jiff::SignedDuration::from_secs(seconds))
}

fn entries(count: usize) -> Vec<Entry> {
    let entry =
        |number| Entry::new("marketdata.ingestion", "MarketData.Validated", &json!({"n": number}), None).unwrap();
    (0..count).map(entry).collect()
}

/// The numbers in the entries of each call.
fn calls(aws: &FakeAws) -> Vec<Vec<u64>> {
    let number = |entry: &Value| {
        let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        detail["n"].as_u64().unwrap()
    };
    let numbers = |request: &Value| request["Entries"].as_array().unwrap().iter().map(number).collect();
    aws.calls().iter().map(|call| numbers(&call.request)).collect()
}

#[tokio::test]
async fn an_entry_carries_bus_source_type_detail_and_trace() {
    let aws = FakeAws::new();
    let entry =
        Entry::new("marketdata.ingestion", "MarketData.Validated", &json!({"a": 1}), Some("Root=1-2-3")).unwrap();
    let ids = bus(&aws).0.publish(world::BUS, &[entry], deadline(30)).await.unwrap();
    assert_eq!(ids, ["bus-1"]);
    let expected = json!({"Entries": [{
        "EventBusName": world::BUS, "Source": "marketdata.ingestion", "DetailType": "MarketData.Validated",
        "Detail": "{\"a\":1}", "TraceHeader": "Root=1-2-3"
    }]});
    assert_eq!(aws.calls()[0].request, expected);
}

#[tokio::test]
async fn fifteen_entries_go_out_as_ten_and_five_and_nothing_as_nothing() {
    let aws = FakeAws::new();
    let (bus, _) = bus(&aws);
    let ids = bus.publish(world::BUS, &entries(15), deadline(30)).await.unwrap();
    assert_eq!(ids, (1..=15).map(|n| format!("bus-{n}")).collect::<Vec<_>>());
    assert_eq!(calls(&aws).iter().map(Vec::len).collect::<Vec<_>>(), [10, 5]);
    assert_eq!(bus.publish(world::BUS, &[], deadline(30)).await.unwrap(), Vec::<String>::new());
    assert_eq!(aws.calls().len(), 2);
}

#[tokio::test]
async fn a_call_stays_below_the_size_limit_and_one_that_is_too_large_goes_alone() {
    let aws = FakeAws::new();
    let sized = |number: u64, bytes: usize| {
        let detail = json!({"n": number, "x": "x".repeat(bytes)});
        Entry::new("marketdata.ingestion", "MarketData.Validated", &detail, None).unwrap()
    };
    let entries = [sized(0, 130_000), sized(1, 130_000), sized(2, 130_000), sized(3, 300_000), sized(4, 10)];
    bus(&aws).0.publish(world::BUS, &entries, deadline(30)).await.unwrap();
    assert_eq!(calls(&aws), [vec![0, 1], vec![2], vec![3], vec![4]]);
}

#[tokio::test]
async fn only_refused_entries_are_sent_again_and_ids_keep_their_order() {
    let aws = FakeAws::new();
    let throttled = Some("ThrottlingException");
    aws.fail_entries([None, throttled, None, Some("InternalFailure"), throttled]);
    let (bus, clock) = bus(&aws);
    let ids = bus.publish(world::BUS, &entries(4), deadline(30)).await.unwrap();
    assert_eq!(calls(&aws), [vec![0, 1, 2, 3], vec![1, 3], vec![1]]);
    assert_eq!(ids, ["bus-1", "bus-4", "bus-2", "bus-3"]);
    assert!(clock.now() > start(), "it waited between the calls");
}

#[tokio::test]
async fn what_cannot_pass_is_not_sent_again() {
    let aws = FakeAws::new();
    aws.fail_entries([Some("MalformedDetail")]);
    let error = bus(&aws).0.publish(world::BUS, &entries(1), deadline(30)).await.unwrap_err().to_string();
    assert!(error.contains("MalformedDetail"), "{error}");
    assert_eq!(aws.calls().len(), 1);
}

#[tokio::test]
async fn entries_are_sent_five_times_at_most() {
    let aws = FakeAws::new();
    aws.fail_entries([Some("ThrottlingException"); 50]);
    let error = bus(&aws).0.publish(world::BUS, &entries(1), deadline(30)).await.unwrap_err().to_string();
    assert_eq!(aws.calls().len(), 5);
    let expected =
        format!("failed to publish 1 of 1 events to {}: ThrottlingException: failed by the fake", world::BUS);
    assert_eq!(error, expected);
}

#[tokio::test]
async fn nothing_is_sent_again_when_the_deadline_does_not_leave_time_for_a_whole_operation() {
    let aws = FakeAws::new();
    aws.fail_entries([Some("ThrottlingException"); 50]);
    let (bus, clock) = bus(&aws);
    // 24 s for the work, of which 18.9 have passed: 5.1 s are left, the pause and an operation of 5 s fit once.
    clock.advance(Duration::from_millis(18_900));
    let error = bus.publish(world::BUS, &entries(1), deadline(30)).await.unwrap_err().to_string();
    assert!(error.contains("no time is left"), "{error}");
    assert_eq!(aws.calls().len(), 2);
}

#[tokio::test]
async fn a_failed_call_names_the_bus() {
    let aws = FakeAws::new();
    aws.fail("PutEvents", 0, Fault::LostAnswer);
    let error = bus(&aws).0.publish(world::BUS, &entries(1), deadline(30)).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("failed to publish to {}: ", world::BUS)), "{error}");
    assert!(error.contains("connection lost"), "{error}");
}
