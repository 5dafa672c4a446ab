//! The stage as a whole, against the in-memory AWS.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fake_aws::{FakeAws, Fault, When, world};
use jiff::Timestamp;
use pipeline::clock::{Clock as _, ManualClock};
use pipeline::host::Host;
use pipeline::telemetry::metrics::Sink;
use serde_json::{Value, json};

use crate::Ingestion;

struct Stage {
    aws: FakeAws,
    clock: Arc<ManualClock>,
    host: Host<Ingestion>,
}

impl Stage {
    fn new() -> Self {
        Self::on(FakeAws::pipeline(), "2021-01-08T00:00:02.5Z".parse().unwrap())
    }

    fn on(aws: FakeAws, now: Timestamp) -> Self {
        let clock = ManualClock::at(now);
        let config = aws.sdk_config();
        let work = Ingestion::new(&config, clock.clone());
        let host = Host::new(work, &config, world::PREFIX, clock.clone(), Sink::to(std::io::sink()));
        Self { aws, clock, host }
    }

    /// A new process, a minute later.
    fn restarted(self) -> Self {
        self.aws.restart();
        self.clock.advance(Duration::from_mins(1));
        let now = self.clock.now();
        Self::on(self.aws, now)
    }

    /// Delivers an event; the status or the error.
    async fn deliver(&self, payload: &str) -> Result<String, String> {
        self.clock.advance(Duration::from_millis(1));
        let now = u64::try_from(self.clock.now().as_millisecond()).unwrap();
        let answer = self.host.invoke(world::invocation(payload, "r-1", now)).await;
        answer.map(|answer| answer["status"].as_str().unwrap().to_owned()).map_err(|error| error.error_message)
    }

    /// What users can see: rows without the time of their receipt, and what is on the bus, doubles counted once.
    fn end_state(&self) -> (Vec<Value>, BTreeSet<String>) {
        let mut rows = self.aws.items(world::EVENTS);
        for row in &mut rows {
            row.as_object_mut().unwrap().remove("received_at");
        }
        (rows, self.aws.details().iter().map(ToString::to_string).collect())
    }
}

fn s(text: &str) -> Value {
    json!({"S": text})
}

const EVENT: &str = "BINANCE-T-1";

fn event() -> String {
    world::raw_trade(EVENT, "00.278", "39432.480")
}

#[tokio::test]
async fn an_event_is_stored_published_and_audited_in_three_round_trips() {
    let stage = Stage::new();
    stage.host.prepare().await;
    stage.aws.forget_calls();
    assert_eq!(stage.deliver(&event()).await.unwrap(), "STORED");
    assert_eq!(stage.aws.operations(), ["PutItem", "PutEvents", "PutItem"]);
    assert_eq!(stage.aws.round_trips(), 3);

    let put = &stage.aws.calls()[0].request;
    assert_eq!(put["TableName"], world::EVENTS);
    assert_eq!(put["ConditionExpression"], "attribute_not_exists(event_id)");
    assert_eq!(put["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");
    let row = json!({
        "event_id": s(EVENT), "timestamp": s("2021-01-08T00:00:00.278000Z"), "event_type": s("trade"),
        "source": s("marketdata.feed.test"), "symbol": s("BTCUSDT"), "status": s("RECEIVED"),
        "payload": s(r#"{"event_id":"BINANCE-T-1","event_type":"trade","price":"39432.480","schema_version":1,"size":"0.5","symbol":"BTCUSDT","timestamp":"2021-01-08T00:00:00.278Z","x_unknown":[1]}"#),
        "price": {"N": "39432.48"}, "size": {"N": "0.5"}, "received_at": s("2021-01-08T00:00:02.501000Z"),
        "correlation_id": s(EVENT)
    });
    assert_eq!(put["Item"], row);

    let entry = &stage.aws.events()[0];
    let header = format!("Root={};Parent=53995c3f42cd8ad8;Sampled=1", world::TRACE_ID);
    assert_eq!(entry["EventBusName"], world::BUS);
    assert_eq!(entry["Source"], "marketdata.ingestion");
    assert_eq!(entry["DetailType"], "MarketData.Validated");
    assert_eq!(entry["TraceHeader"], json!(header));
    let detail = json!({
        "schema_version": 1, "event_id": "BINANCE-T-1:validated",
        "event": {
            "event_id": EVENT, "event_type": "trade", "symbol": "BTCUSDT", "timestamp": "2021-01-08T00:00:00.278000Z",
            "source": "marketdata.feed.test", "price": "39432.48", "size": "0.5"
        },
        "metadata": {"correlation_id": EVENT, "causation_id": EVENT, "trace_header": header, "replay": null}
    });
    assert_eq!(stage.aws.details(), [detail]);

    let audit = json!({
        "audit_id": s("BINANCE-T-1#ingestion"), "timestamp": s("2021-01-08T00:00:02.501000Z"), "event_id": s(EVENT),
        "stage": s("ingestion"), "function_name": s(""), "status": s("STORED"), "duration_ms": {"N": "0"},
        "request_id": s("r-1"), "trace_id": s(world::TRACE_ID), "correlation_id": s(EVENT),
        "event_timestamp": s("2021-01-08T00:00:00.278000Z")
    });
    let put = json!({
        "TableName": world::AUDIT, "Item": audit, "ConditionExpression": "attribute_not_exists(audit_id)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD"
    });
    assert_eq!(stage.aws.calls()[2].request, put);
}

#[tokio::test]
async fn a_quote_has_bid_and_ask_and_a_bar_its_close() {
    let stage = Stage::new();
    let quote = json!({"event_id": "q", "event_type": "quote", "symbol": "X", "bid": "1.0", "ask": 2, "bid_size": 1, "ask_size": 1, "sequence": 7, "venue": "V"});
    let bar = json!({"event_id": "b", "event_type": "bar", "symbol": "X", "open": 1, "high": 3, "low": 1, "close": 2, "volume": 9});
    for detail in [&quote, &bar] {
        stage.deliver(&world::envelope("MarketData.Raw", "marketdata.feed.test", detail)).await.unwrap();
    }
    let rows = stage.aws.items(world::EVENTS);
    let pick = |row: &Value, names: &[&str]| -> Vec<Value> { names.iter().map(|name| row[*name].clone()).collect() };
    let n = |number: &str| json!({"N": number});
    assert_eq!(pick(&rows[0], &["price", "size", "bid", "ask"]), [n("2"), n("9"), Value::Null, Value::Null]);
    let quoted = pick(&rows[1], &["price", "size", "bid", "ask", "sequence", "venue", "timestamp"]);
    let expected = [n("1.5"), Value::Null, n("1"), n("2"), n("7"), s("V"), s("2021-01-08T00:00:01.000000Z")];
    assert_eq!(quoted, expected, "its time is the envelope's");
}

#[tokio::test]
async fn a_rejected_event_goes_to_the_dead_letter_queue_byte_for_byte_and_is_no_error() {
    let stage = Stage::new();
    let payload = world::raw_trade(EVENT, "00.278", "-1");
    assert_eq!(stage.deliver(&payload).await.unwrap(), "REJECTED");
    let letters = stage.aws.messages();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["QueueUrl"], "https://sqs.test/sqs-ingestion-dlq-test");
    assert_eq!(letters[0]["MessageBody"], json!(payload));
    let attribute = |name: &str| {
        let attribute = &letters[0]["MessageAttributes"][name];
        assert_eq!(attribute["DataType"], "String");
        attribute["StringValue"].as_str().unwrap().to_owned()
    };
    assert_eq!(attribute("RequestID"), "r-1");
    assert_eq!(attribute("ErrorCode"), "VALIDATION");
    assert_eq!(attribute("Stage"), "ingestion");
    assert!(attribute("ErrorMessage").starts_with("price: "), "{}", attribute("ErrorMessage"));
    let faults: Value = serde_json::from_str(&attribute("Faults")).unwrap();
    assert_eq!(faults[0]["field"], "price");
    assert_eq!(stage.aws.audit(), [("BINANCE-T-1#ingestion".to_owned(), "REJECTED".to_owned())]);
    assert!(stage.aws.items(world::EVENTS).is_empty() && stage.aws.events().is_empty());
}

#[tokio::test]
async fn what_is_no_event_of_this_stage_is_rejected() {
    for (payload, code) in [
        ("[]".to_owned(), "MALFORMED"),
        (world::envelope("MarketData.Validated", "marketdata.ingestion", &world::trade("e", "00", "1")), "MALFORMED"),
        (world::envelope("MarketData.Raw", "marketdata.feed.x", &json!({"schema_version": 2})), "UNKNOWN_VERSION"),
        (world::envelope("MarketData.Raw", "marketdata.feed.x", &json!({})), "VALIDATION"),
    ] {
        let stage = Stage::new();
        assert_eq!(stage.deliver(&payload).await.unwrap(), "REJECTED");
        assert_eq!(stage.aws.messages()[0]["MessageAttributes"]["ErrorCode"]["StringValue"], code);
    }
}

#[tokio::test]
async fn a_dead_letter_that_cannot_be_sent_is_tried_again_by_lambda() {
    let stage = Stage::new();
    stage.aws.fail("SendMessage", 0, Fault::Refused(403, "AccessDenied"));
    let error = stage.deliver("[]").await.unwrap_err();
    assert!(error.starts_with("failed to send a rejected event to https://sqs.test/"), "{error}");
    assert_eq!(stage.aws.statuses(), ["FAILED"]);
}

#[tokio::test]
async fn a_rejection_is_not_sent_twice_because_its_audit_row_failed() {
    let stage = Stage::new();
    stage.aws.fail("PutItem", 0, Fault::Refused(400, "ThrottlingException"));
    assert_eq!(stage.deliver("[]").await.unwrap(), "REJECTED");
    assert_eq!(stage.aws.messages().len(), 1);
}

#[tokio::test]
async fn a_duplicate_that_was_processed_is_dropped_and_one_that_was_not_is_published_again() {
    let stage = Stage::new();
    stage.deliver(&event()).await.unwrap();
    assert_eq!(stage.deliver(&event()).await.unwrap(), "REPUBLISHED");
    assert_eq!(stage.aws.details()[0], stage.aws.details()[1]);

    let mut row = stage.aws.items(world::EVENTS).remove(0);
    row["status"] = s("PROCESSED");
    stage.aws.put_item(world::EVENTS, row.clone());
    stage.aws.forget_calls();
    assert_eq!(stage.deliver(&event()).await.unwrap(), "DUPLICATE");
    assert_eq!(stage.aws.operations(), ["PutItem", "PutItem"]);
    assert_eq!(stage.aws.items(world::EVENTS), [row], "the row is as it was");
    assert_eq!(stage.aws.statuses(), ["STORED", "REPUBLISHED", "DUPLICATE"]);
}

#[tokio::test]
async fn a_republished_event_is_the_stored_one_even_if_another_feed_delivers_it() {
    let stage = Stage::new();
    stage.deliver(&event()).await.unwrap();
    stage.deliver(&event().replace("feed.test", "feed.other")).await.unwrap();
    assert_eq!(stage.aws.details()[1]["event"]["source"], "marketdata.feed.test");
}

#[tokio::test]
async fn the_same_identity_with_other_content_keeps_the_first() {
    let stage = Stage::new();
    stage.deliver(&event()).await.unwrap();
    let before = stage.aws.items(world::EVENTS);
    assert_eq!(stage.deliver(&world::raw_trade(EVENT, "00.278", "1")).await.unwrap(), "CONFLICT");
    assert_eq!(stage.aws.items(world::EVENTS), before);
    assert_eq!(stage.aws.events().len(), 1, "nothing is published for it");
    assert_eq!(stage.aws.statuses(), ["STORED", "CONFLICT"]);
    let another_time = world::raw_trade(EVENT, "00.279", "1");
    assert_eq!(stage.deliver(&another_time).await.unwrap(), "STORED", "identity is id and time");
}

#[tokio::test]
async fn a_replay_is_marked_and_retention_sets_the_expiry() {
    let stage = Stage::new();
    stage.aws.set("ingestion/config", r#"{"event_retention_days":1}"#);
    let payload = event().replacen(r#""version""#, r#""replay-name": "monday", "version""#, 1);
    stage.deliver(&payload).await.unwrap();
    let row = &stage.aws.items(world::EVENTS)[0];
    assert_eq!(row["replay"], s("monday"));
    assert_eq!(row["expires_at"], json!({"N": "1610150402"}));
    assert_eq!(stage.aws.details()[0]["metadata"]["replay"], "monday");
}

#[tokio::test]
async fn without_settings_lambda_tries_again() {
    let stage = Stage::new();
    stage.aws.fail("GetParameters", 0, Fault::LostRequest);
    let error = stage.deliver(&event()).await.unwrap_err();
    assert!(error.starts_with("failed to read the parameters below /market-data/test"), "{error}");
    assert_eq!(stage.deliver(&event()).await.unwrap(), "STORED");
}

#[tokio::test]
async fn a_put_whose_answer_the_sdk_lost_and_repeated_counts_as_stored() {
    let stage = Stage::new();
    // The retry of the SDK: the put has happened, and the same request arrives again.
    stage.deliver(&event()).await.unwrap();
    let now = stage.clock.now();
    let again = Stage::on(stage.aws, now - Duration::from_millis(1));
    assert_eq!(again.deliver(&event()).await.unwrap(), "STORED");
}

#[tokio::test]
async fn a_crash_between_any_two_calls_loses_nothing() {
    let undisturbed = Stage::new();
    undisturbed.deliver(&event()).await.unwrap();
    let expected = undisturbed.end_state();
    for when in [When::Before, When::After] {
        let mut crashes = 0;
        for call in 0.. {
            let stage = Stage::new();
            stage.aws.crash_at(call, when);
            let first = stage.deliver(&event()).await;
            if !stage.aws.crashed() {
                break;
            }
            crashes += 1;
            assert!(first.is_err(), "crash {when:?} call {call}");
            let stage = stage.restarted();
            stage.deliver(&event()).await.unwrap();
            assert_eq!(stage.end_state(), expected, "crash {when:?} call {call}");
        }
        assert_eq!(crashes, 4, "settings, put, publish, audit");
    }
}
