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

use crate::Processing;

struct Stage {
    aws: FakeAws,
    clock: Arc<ManualClock>,
    host: Host<Processing>,
}

const EVENT: &str = "t-5";

/// Fires for every trade above 100.
const ABOVE_100: &str = r#"{"version":1,"rules":[{"id":"above-100","enabled":true,"severity":"critical","symbols":["BTC*"],
  "condition":{"kind":"price_above","threshold":"100","trigger":"level"}}]}"#;

/// Two move rules with different windows; neither fires.
const MOVES: &str = r#"{"version":1,"rules":[
  {"id":"move-2","enabled":true,"severity":"info","symbols":["*"],"condition":{"kind":"move","percent":"900","window_seconds":2}},
  {"id":"move-3","enabled":true,"severity":"info","symbols":["*"],"condition":{"kind":"move","percent":"900","window_seconds":3}}]}"#;

impl Stage {
    /// Four earlier trades and the event, RECEIVED at 00:00:05 with a price of 105.
    fn new(rules: Option<&str>) -> Self {
        let aws = FakeAws::pipeline();
        for number in 1..=5 {
            let row = world::stored_trade(&format!("t-{number}"), &format!("0{number}"), &format!("10{number}"));
            aws.put_item(world::EVENTS, row);
        }
        if let Some(rules) = rules {
            aws.set("alert-rules", rules);
        }
        Self::on(aws, "2021-01-08T00:00:06Z".parse().unwrap())
    }

    fn on(aws: FakeAws, now: Timestamp) -> Self {
        let clock = ManualClock::at(now);
        let config = aws.sdk_config();
        let work = Processing::new(&config, clock.clone());
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

    async fn deliver(&self, payload: &str) -> Result<String, String> {
        self.clock.advance(Duration::from_millis(1));
        let now = u64::try_from(self.clock.now().as_millisecond()).unwrap();
        let answer = self.host.invoke(world::invocation(payload, "r-1", now)).await;
        answer.map(|answer| answer["status"].as_str().unwrap().to_owned()).map_err(|error| error.error_message)
    }

    async fn deliver_event(&self) -> Result<String, String> {
        self.deliver(&world::validated_trade(EVENT, "05", "105", &Value::Null)).await
    }

    fn row(&self) -> Value {
        self.aws.items(world::EVENTS).into_iter().find(|row| row["event_id"]["S"] == EVENT).unwrap()
    }

    /// What users can see: rows without the time of processing, and what is on the bus, doubles counted once.
    fn end_state(&self) -> (Vec<Value>, BTreeSet<String>) {
        let mut rows = self.aws.items(world::EVENTS);
        for row in &mut rows {
            row.as_object_mut().unwrap().remove("processed_at");
        }
        (rows, self.aws.details().iter().map(ToString::to_string).collect())
    }
}

#[tokio::test]
async fn an_event_is_enriched_from_its_window_in_three_round_trips() {
    let stage = Stage::new(None);
    stage.host.prepare().await;
    stage.aws.forget_calls();
    assert_eq!(stage.deliver_event().await.unwrap(), "PROCESSED");
    assert_eq!(stage.aws.operations(), ["GetItem", "Query", "UpdateItem", "PutItem"]);
    assert_eq!(stage.aws.round_trips(), 3);

    let calls = stage.aws.calls();
    let key = json!({"event_id": {"S": EVENT}, "timestamp": {"S": "2021-01-08T00:00:05.000000Z"}});
    assert_eq!(calls[0].request, json!({"TableName": world::EVENTS, "Key": key, "ConsistentRead": true}));
    let query = json!({
        "TableName": world::EVENTS, "IndexName": "symbol-timestamp-index", "ScanIndexForward": false, "Limit": 50,
        "KeyConditionExpression": "#symbol = :symbol AND #timestamp < :before",
        "ExpressionAttributeNames": {"#symbol": "symbol", "#timestamp": "timestamp"},
        "ExpressionAttributeValues": {":symbol": {"S": "BTCUSDT"}, ":before": {"S": "2021-01-08T00:00:05.000000Z"}}
    });
    assert_eq!(calls[1].request, query);
    let update = &calls[2].request;
    assert_eq!(update["Key"], key);
    assert_eq!(update["ConditionExpression"], "#status = :received");
    assert_eq!(update["ReturnValuesOnConditionCheckFailure"], "ALL_OLD");

    let row = stage.row();
    assert_eq!(row["status"], json!({"S": "PROCESSED"}));
    assert_eq!(row["processed_at"], json!({"S": "2021-01-08T00:00:06.001000Z"}));
    assert_eq!(row["alert"], json!({"BOOL": false}));
    assert_eq!(row["tags"], json!({"L": []}));
    assert_eq!(row["enrichment"]["M"]["window"]["M"]["count"], json!({"N": "4"}));
    assert_eq!((row.get("alert_rules"), row.get("references")), (None, None));
    assert!(stage.aws.events().is_empty());

    let audit = &calls[3].request["Item"];
    assert_eq!(audit["audit_id"], json!({"S": "t-5#processing"}));
    let window = json!({"L": [{"S": "t-1"}, {"S": "t-2"}, {"S": "t-3"}, {"S": "t-4"}]});
    assert_eq!(audit["window_event_ids"], window);
    assert_eq!(audit["correlation_id"], json!({"S": EVENT}));
}

#[tokio::test]
async fn an_event_that_a_rule_fires_for_is_alerted_in_four_round_trips() {
    let stage = Stage::new(Some(ABOVE_100));
    stage.host.prepare().await;
    stage.aws.forget_calls();
    assert_eq!(stage.deliver_event().await.unwrap(), "PROCESSED");
    assert_eq!(stage.aws.operations(), ["GetItem", "Query", "UpdateItem", "PutEvents", "PutItem"]);
    assert_eq!(stage.aws.round_trips(), 4);
    let row = stage.row();
    assert_eq!(row["alert"], json!({"BOOL": true}));
    assert_eq!(row["alert_rules"], json!({"L": [{"S": "above-100"}]}));
    let entry = &stage.aws.events()[0];
    assert_eq!((&entry["Source"], &entry["DetailType"]), (&json!("marketdata.processing"), &json!("MarketData.Alert")));
    let detail = &stage.aws.details()[0];
    assert_eq!(detail["event_id"], "t-5:alert");
    assert_eq!(detail["event"]["price"], "105");
    assert_eq!(detail["rules"], json!(["above-100"]));
    assert_eq!(detail["references"]["previous"]["trade"]["price"], "104");
    assert_eq!(detail["enrichment"]["window"]["count"], 4);
    let metadata = json!({
        "correlation_id": EVENT, "causation_id": "t-5:validated", "replay": null,
        "trace_header": format!("Root={};Parent=53995c3f42cd8ad8;Sampled=1", world::TRACE_ID)
    });
    assert_eq!(detail["metadata"], metadata);
}

#[tokio::test]
async fn each_move_window_is_one_more_query_at_the_same_time() {
    let stage = Stage::new(Some(MOVES));
    stage.host.prepare().await;
    stage.aws.forget_calls();
    stage.deliver_event().await.unwrap();
    assert_eq!(stage.aws.operations(), ["GetItem", "Query", "Query", "Query", "UpdateItem", "PutItem"]);
    assert_eq!(stage.aws.round_trips(), 3);
    let reference = json!({
        "TableName": world::EVENTS, "IndexName": "symbol-timestamp-index", "ScanIndexForward": true, "Limit": 25,
        "KeyConditionExpression": "#symbol = :symbol AND #timestamp BETWEEN :from AND :last",
        "ExpressionAttributeNames": {"#symbol": "symbol", "#timestamp": "timestamp"},
        "ExpressionAttributeValues": {
            ":symbol": {"S": "BTCUSDT"}, ":from": {"S": "2021-01-08T00:00:03.000000Z"},
            ":last": {"S": "2021-01-08T00:00:04.999999Z"}
        }
    });
    assert_eq!(stage.aws.calls()[2].request, reference);
}

#[tokio::test]
async fn the_reference_of_a_move_is_the_oldest_of_its_own_type() {
    let rules = MOVES.replace("900", "2");
    let stage = Stage::new(Some(&rules));
    // A quote at the very beginning of the window would be another series.
    let mut quote = world::stored_trade("q-1", "03", "1");
    quote["event_type"] = json!({"S": "quote"});
    quote["event_id"] = json!({"S": "a-quote"});
    stage.aws.put_item(world::EVENTS, quote);
    stage.deliver_event().await.unwrap();
    let moves = &stage.aws.details()[0]["references"]["moves"];
    assert_eq!((&moves["2"]["price"], &moves["3"]["price"]), (&json!("103"), &json!("102")));
}

#[tokio::test]
async fn a_window_holds_only_events_of_the_same_type() {
    let stage = Stage::new(None);
    let mut quote = world::stored_trade("a-quote", "04.500", "1");
    quote["event_type"] = json!({"S": "quote"});
    stage.aws.put_item(world::EVENTS, quote);
    stage.deliver_event().await.unwrap();
    assert_eq!(stage.row()["enrichment"]["M"]["window"]["M"]["count"], json!({"N": "4"}));
}

#[tokio::test]
async fn an_event_that_was_never_stored_is_rejected() {
    let stage = Stage::new(None);
    let unknown = world::validated_trade("t-9", "09", "109", &Value::Null);
    assert_eq!(stage.deliver(&unknown).await.unwrap(), "REJECTED");
    let letter = &stage.aws.messages()[0];
    assert_eq!(letter["MessageAttributes"]["ErrorCode"]["StringValue"], "NOT_STORED");
    assert_eq!(letter["MessageBody"], json!(unknown));
    assert_eq!(letter["QueueUrl"], "https://sqs.test/sqs-processing-dlq-test");
    let other_symbol = world::validated_trade(EVENT, "05", "105", &Value::Null).replace("BTCUSDT", "ETHUSDT");
    assert_eq!(stage.deliver(&other_symbol).await.unwrap(), "REJECTED");
    assert_eq!(stage.row()["status"], json!({"S": "RECEIVED"}));
}

#[tokio::test]
async fn the_row_is_the_truth_not_the_news() {
    let stage = Stage::new(Some(ABOVE_100));
    stage.deliver(&world::validated_trade(EVENT, "05", "1", &Value::Null)).await.unwrap();
    assert_eq!(stage.aws.details()[0]["event"]["price"], "105");
}

#[tokio::test]
async fn a_detail_that_is_not_valid_is_rejected() {
    let stage = Stage::new(None);
    let wrong = world::validated_trade(EVENT, "05", "105", &Value::Null).replace("t-5:validated", "t-5");
    assert_eq!(stage.deliver(&wrong).await.unwrap(), "REJECTED");
}

#[tokio::test]
async fn a_second_delivery_changes_nothing_and_publishes_the_alert_again() {
    let quiet = Stage::new(None);
    quiet.deliver_event().await.unwrap();
    let row = quiet.row();
    assert_eq!(quiet.deliver_event().await.unwrap(), "DUPLICATE");
    assert_eq!(quiet.row(), row);
    assert!(quiet.aws.events().is_empty());

    let loud = Stage::new(Some(ABOVE_100));
    loud.deliver_event().await.unwrap();
    let row = loud.row();
    // What holds now makes no difference: neither other rules nor a window that has grown.
    loud.aws.set("alert-rules", r#"{"version":1,"rules":[]}"#);
    loud.aws.put_item(world::EVENTS, world::stored_trade("late", "04.900", "1"));
    let loud = loud.restarted();
    assert_eq!(loud.deliver_event().await.unwrap(), "REPUBLISHED");
    assert_eq!(loud.row(), row);
    assert_eq!(loud.aws.details()[0], loud.aws.details()[1]);
    assert_eq!(loud.aws.statuses(), ["PROCESSED", "REPUBLISHED"]);
}

#[tokio::test]
async fn an_update_that_the_sdk_repeats_after_its_answer_was_lost_counts_as_done() {
    let stage = Stage::new(None);
    stage.deliver_event().await.unwrap();
    let done = stage.row();
    // The same clock: what stands in the way of the update is what it would write.
    let again = Stage::new(None);
    let race = async {
        while !again.aws.operations().contains(&"UpdateItem".to_owned()) {
            tokio::task::yield_now().await;
        }
        again.aws.put_item(world::EVENTS, done.clone());
    };
    let (status, ()) = tokio::join!(again.deliver_event(), race);
    assert_eq!(status.unwrap(), "PROCESSED");
}

#[tokio::test]
async fn a_window_that_cannot_be_read_does_not_matter_to_a_row_that_is_done() {
    let stage = Stage::new(None);
    stage.deliver_event().await.unwrap();
    stage.aws.fail("Query", 0, Fault::Refused(400, "ThrottlingException"));
    assert_eq!(stage.deliver_event().await.unwrap(), "DUPLICATE");
}

#[tokio::test]
async fn who_loses_the_race_to_update_publishes_what_the_winner_found() {
    let stage = Stage::new(Some(ABOVE_100));
    stage.deliver_event().await.unwrap();
    let won = stage.row();
    // The loser reads RECEIVED; when its update is on the way, the row becomes PROCESSED.
    let loser = Stage::new(None);
    loser.clock.advance(Duration::from_secs(1));
    let race = async {
        while !loser.aws.operations().contains(&"UpdateItem".to_owned()) {
            tokio::task::yield_now().await;
        }
        loser.aws.put_item(world::EVENTS, won.clone());
    };
    let (status, ()) = tokio::join!(loser.deliver_event(), race);
    assert_eq!(status.unwrap(), "REPUBLISHED");
    assert_eq!(loser.row(), won);
    assert_eq!(loser.aws.details(), stage.aws.details());
    assert_eq!(loser.aws.items(world::AUDIT)[0].get("window_event_ids"), None, "it is not the loser's");
}

#[tokio::test]
async fn a_replay_stays_a_replay() {
    let stage = Stage::new(Some(ABOVE_100));
    stage.deliver(&world::validated_trade(EVENT, "05", "105", &json!("monday"))).await.unwrap();
    assert_eq!(stage.aws.details()[0]["metadata"]["replay"], "monday");
}

#[tokio::test]
async fn a_failed_attempt_is_audited_and_tried_again() {
    let stage = Stage::new(None);
    stage.aws.fail("UpdateItem", 0, Fault::Refused(400, "ThrottlingException"));
    let error = stage.deliver_event().await.unwrap_err();
    assert!(error.starts_with("failed to mark event t-5 as processed in dynamodb-events-test: Throttling"), "{error}");
    assert_eq!(stage.deliver_event().await.unwrap(), "PROCESSED");
    assert_eq!(stage.aws.statuses(), ["FAILED", "PROCESSED"]);
}

#[tokio::test]
async fn an_attempt_whose_update_was_not_answered_tells_what_its_numbers_stand_on() {
    let stage = Stage::new(None);
    stage.aws.fail("UpdateItem", 0, Fault::LostAnswer);
    stage.deliver_event().await.unwrap_err();
    assert_eq!(stage.row()["status"], json!({"S": "PROCESSED"}));
    let stage = stage.restarted();
    assert_eq!(stage.deliver_event().await.unwrap(), "DUPLICATE");
    let rows = stage.aws.items(world::AUDIT);
    let told: Vec<_> = rows.iter().map(|row| (&row["status"]["S"], row["window_event_ids"]["L"].as_array())).collect();
    let window = ["t-1", "t-2", "t-3", "t-4"].map(|id| json!({"S": id})).to_vec();
    assert_eq!(told, [(&json!("FAILED"), Some(&window)), (&json!("DUPLICATE"), None)]);
}

#[tokio::test]
async fn a_crash_between_any_two_calls_loses_nothing() {
    let undisturbed = Stage::new(Some(ABOVE_100));
    undisturbed.deliver_event().await.unwrap();
    let expected = undisturbed.end_state();
    for when in [When::Before, When::After] {
        let mut crashes = 0;
        for call in 0.. {
            let stage = Stage::new(Some(ABOVE_100));
            stage.aws.crash_at(call, when);
            let first = stage.deliver_event().await;
            if !stage.aws.crashed() {
                break;
            }
            crashes += 1;
            assert!(first.is_err(), "crash {when:?} call {call}");
            let stage = stage.restarted();
            stage.deliver_event().await.unwrap();
            assert_eq!(stage.end_state(), expected, "crash {when:?} call {call}");
        }
        assert_eq!(crashes, 6, "settings, row, window, update, publish, audit");
    }
}
