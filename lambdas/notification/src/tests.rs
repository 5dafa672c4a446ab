//! The stage as a whole, against the in-memory AWS.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use fake_aws::{FakeAws, Fault, When, world};
use jiff::Timestamp;
use market::derived::{AlertDetail, ValidatedDetail};
use market::enrichment::Enrichment;
use market::event::MarketEvent;
use market::rules::References;
use pipeline::aws::SdkConfig;
use pipeline::clock::{Clock as _, ManualClock};
use pipeline::host::Host;
use pipeline::telemetry::metrics::Sink;
use serde_json::{Value, json};

use crate::Notification;

/// One rule that fires for every trade above 100; one more that does above 110, for replays too; one for other symbols.
const RULES: &str = r#"{"version":1,"rules":[
  {"id":"above-100","enabled":true,"severity":"critical","symbols":["BTC*"],"cooldown_seconds":300,
   "condition":{"kind":"price_above","threshold":"100","trigger":"level"}},
  {"id":"above-110","enabled":true,"severity":"info","symbols":["BTC*"],"cooldown_seconds":0,"send_on_replay":true,
   "condition":{"kind":"price_above","threshold":"110","trigger":"level"}},
  {"id":"other","enabled":true,"severity":"info","symbols":["ETH*"],
   "condition":{"kind":"price_above","threshold":"1","trigger":"level"}}]}"#;

struct Stage {
    aws: FakeAws,
    clock: Arc<ManualClock>,
    host: Host<Notification>,
}

impl Stage {
    fn new() -> Self {
        let aws = FakeAws::pipeline();
        aws.set("alert-rules", RULES);
        Self::on(aws, "2021-01-08T00:00:06Z".parse().unwrap())
    }

    fn on(aws: FakeAws, now: Timestamp) -> Self {
        let config = aws.sdk_config();
        Self::with(aws, &config, now)
    }

    fn with(aws: FakeAws, config: &SdkConfig, now: Timestamp) -> Self {
        let clock = ManualClock::at(now);
        let work = Notification::new(config, clock.clone());
        let host = Host::new(work, config, world::PREFIX, clock.clone(), Sink::to(std::io::sink()));
        Self { aws, clock, host }
    }

    /// A new process, a minute later.
    fn restarted(self) -> Self {
        self.aws.restart();
        self.clock.advance(Duration::from_mins(1));
        let now = self.clock.now();
        Self::on(self.aws, now)
    }

    /// One attempt of the invocation `request`.
    async fn attempt(&self, request: &str, payload: &str) -> Result<String, String> {
        self.clock.advance(Duration::from_millis(1));
        let now = u64::try_from(self.clock.now().as_millisecond()).unwrap();
        let answer = self.host.invoke(world::invocation(payload, request, now)).await;
        answer.map(|answer| answer["status"].as_str().unwrap().to_owned()).map_err(|error| error.error_message)
    }

    async fn deliver(&self, payload: &str) -> Result<String, String> {
        self.attempt("r-1", payload).await
    }

    /// The messages as `(rule, may be a repeat)`.
    fn sent(&self) -> Vec<(String, bool)> {
        let told = |message: &std::collections::BTreeMap<String, String>| {
            let structure: Value = serde_json::from_str(&message["Message"]).unwrap();
            let machine: Value = serde_json::from_str(structure["sqs"].as_str().unwrap()).unwrap();
            (machine["firing"]["rule_id"].as_str().unwrap().to_owned(), machine["may_be_repeat"].as_bool().unwrap())
        };
        self.aws.published().iter().map(told).collect()
    }

    /// What the last audit row says about each rule.
    fn results(&self) -> Vec<String> {
        let rows = self.aws.items(world::AUDIT);
        let rows = rows.iter().filter(|row| row.get("stage").is_some());
        let last = rows.max_by_key(|row| row["timestamp"]["S"].as_str().unwrap().to_owned()).unwrap();
        let results = last["rule_results"]["L"].as_array().unwrap();
        results.iter().map(|result| result["S"].as_str().unwrap().to_owned()).collect()
    }

    fn cooldowns(&self) -> Vec<Value> {
        self.aws.items(world::AUDIT).into_iter().filter(|row| row.get("stage").is_none()).collect()
    }
}

fn alert_of(event_id: &str, price: &str, replay: Option<&str>) -> String {
    let mut event = world::trade(event_id, "05", price);
    event["source"] = json!("marketdata.feed.test");
    let event = MarketEvent::from_json(&event).unwrap();
    let validated = ValidatedDetail::new(event.clone(), None, replay.map(str::to_owned));
    let (enrichment, references) = (Enrichment::default(), References::default());
    let metadata = &validated.metadata;
    let detail = AlertDetail::new(event, enrichment, references, Vec::new(), Vec::new(), metadata, None);
    world::envelope("MarketData.Alert", "marketdata.processing", &serde_json::to_value(detail).unwrap())
}

/// Fires one rule.
fn alert(event_id: &str) -> String {
    alert_of(event_id, "105", None)
}

/// Fires two rules.
fn double_alert(event_id: &str) -> String {
    alert_of(event_id, "115", None)
}

fn once(rule: &str) -> (String, bool) {
    (rule.to_owned(), false)
}

fn perhaps_again(rule: &str) -> (String, bool) {
    (rule.to_owned(), true)
}

#[tokio::test]
async fn an_alert_is_claimed_sent_noted_and_audited_in_three_round_trips() {
    let stage = Stage::new();
    stage.host.prepare().await;
    stage.aws.forget_calls();
    assert_eq!(stage.deliver(&alert("e-1")).await.unwrap(), "SENT");
    assert_eq!(stage.aws.operations(), ["PutItem", "Publish", "PutItem", "PutItem"]);
    assert_eq!(stage.aws.round_trips(), 3);

    let mut calls = stage.aws.calls();
    let id = calls[0].request["Item"].as_object_mut().unwrap().remove("claim").unwrap();
    assert_eq!(id["S"].as_str().unwrap().len(), 16);
    let claim = json!({
        "TableName": world::AUDIT,
        "ConditionExpression": "attribute_not_exists(audit_id)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        "Item": {
            "audit_id": {"S": "cooldown#above-100#BTCUSDT#2021-01-08T00:00:00.000000Z"},
            "timestamp": {"S": "2021-01-08T00:00:00.000000Z"}, "owner": {"S": "e-1"}, "request_id": {"S": "r-1"},
            "attempts": {"N": "1"}, "lease_until": {"S": "2021-01-08T00:00:41.001000Z"}, "expires_at": {"N": "1610669100"}
        }
    });
    assert_eq!(calls[0].request, claim);

    let message = &stage.aws.published()[0];
    assert_eq!(message["TopicArn"], world::TOPIC);
    assert_eq!(message["MessageStructure"], "json");
    assert!(message["Subject"].len() <= 100 && message["Subject"].is_ascii(), "{}", message["Subject"]);
    let mut attributes: Vec<_> = (1..=3)
        .map(|n| {
            let field = |name: &str| message[&format!("MessageAttributes.entry.{n}.{name}")].as_str();
            assert_eq!(field("Value.DataType"), "String");
            (field("Name"), field("Value.StringValue"))
        })
        .collect();
    attributes.sort_unstable();
    assert_eq!(attributes, [("rule", "above-100"), ("severity", "critical"), ("symbol", "BTCUSDT")]);
    let structure: Value = serde_json::from_str(&message["Message"]).unwrap();
    let text = structure["email"].as_str().unwrap();
    let trace = format!("https://console.test/cloudwatch/home?region=us-east-1#xray:traces/{}", world::TRACE_ID);
    assert!(text.contains(&trace) && text.contains("https://runbook.test"), "{text}");

    let cooldown = &stage.cooldowns()[0];
    assert_eq!(cooldown["sent_at"], json!({"S": "2021-01-08T00:00:06.001000Z"}));
    assert_eq!(cooldown["message_id"], json!({"S": "mail-1"}));
    assert_eq!(stage.aws.audit(), [("e-1#notification".to_owned(), "SENT".to_owned())]);
    assert_eq!(stage.results(), ["above-100: SENT"]);
}

#[tokio::test]
async fn the_link_to_the_event_needs_the_tables_name() {
    let stage = Stage::new();
    stage.aws.set("notification/config", r#"{"console_url_base":"https://console.test/","events_table":"events"}"#);
    stage.deliver(&alert("e:1")).await.unwrap();
    let structure: Value = serde_json::from_str(&stage.aws.published()[0]["Message"]).unwrap();
    let link = "https://console.test/dynamodbv2/home?region=us-east-1#edit-item?itemMode=2&table=events&pk=e%3A1\
                &sk=2021-01-08T00%3A00%3A05.000000Z";
    assert!(structure["email"].as_str().unwrap().contains(link), "{structure}");
}

#[tokio::test]
async fn several_rules_take_no_more_round_trips_than_one() {
    let stage = Stage::new();
    stage.host.prepare().await;
    stage.aws.forget_calls();
    assert_eq!(stage.deliver(&double_alert("e-1")).await.unwrap(), "SENT");
    assert_eq!(stage.aws.round_trips(), 3);
    assert_eq!(stage.sent(), [once("above-100"), once("above-110")]);
    assert_eq!(stage.aws.audit().len(), 1);
}

#[tokio::test]
async fn when_no_rule_fires_nothing_is_sent() {
    let stage = Stage::new();
    assert_eq!(stage.deliver(&alert_of("e-1", "50", None)).await.unwrap(), "NO_RULE");
    assert!(stage.sent().is_empty() && stage.cooldowns().is_empty());
}

#[tokio::test]
async fn a_second_event_of_the_window_is_suppressed_and_one_of_the_next_window_is_not() {
    let stage = Stage::new();
    stage.deliver(&alert("e-1")).await.unwrap();
    assert_eq!(stage.deliver(&alert("e-2")).await.unwrap(), "SUPPRESSED");
    assert_eq!(stage.results(), ["above-100: SUPPRESSED"]);
    let next = alert("e-3").replace("2021-01-08T00:00:05", "2021-01-08T00:05:00");
    assert_eq!(stage.deliver(&next).await.unwrap(), "SENT");
    assert_eq!(stage.sent().len(), 2);
}

#[tokio::test]
async fn without_a_cool_down_each_event_is_told_once() {
    let stage = Stage::new();
    stage.deliver(&double_alert("e-1")).await.unwrap();
    assert_eq!(stage.deliver(&double_alert("e-2")).await.unwrap(), "SENT");
    assert_eq!(stage.results(), ["above-100: SUPPRESSED", "above-110: SENT"]);
    assert_eq!(stage.deliver(&double_alert("e-2")).await.unwrap(), "DUPLICATE");
    assert_eq!(stage.sent().len(), 3);
}

#[tokio::test]
async fn a_redelivery_sends_nothing() {
    let stage = Stage::new();
    stage.deliver(&alert("e-1")).await.unwrap();
    for request in ["r-1", "r-2"] {
        assert_eq!(stage.attempt(request, &alert("e-1")).await.unwrap(), "DUPLICATE");
    }
    assert_eq!(stage.sent(), [once("above-100")]);
    assert_eq!(stage.aws.statuses(), ["SENT", "DUPLICATE", "DUPLICATE"]);
}

#[tokio::test]
async fn a_replay_sends_only_for_rules_that_say_so() {
    let stage = Stage::new();
    assert_eq!(stage.deliver(&alert_of("e-1", "105", Some("monday"))).await.unwrap(), "REPLAY_MUTED");
    assert!(stage.cooldowns().is_empty(), "a muted rule takes no cool-down from live events");
    assert_eq!(stage.deliver(&alert_of("e-2", "115", Some("monday"))).await.unwrap(), "SENT");
    assert_eq!(stage.results(), ["above-100: REPLAY_MUTED", "above-110: SENT"]);
    assert_eq!(stage.sent(), [once("above-110")]);
}

#[tokio::test]
async fn one_publish_that_fails_does_not_lose_or_repeat_the_others() {
    let stage = Stage::new();
    stage.aws.fail("Publish", 0, Fault::Refused(403, "AuthorizationError"));
    let error = stage.deliver(&double_alert("e-1")).await.unwrap_err();
    assert!(error.starts_with("failed to publish the alert of rule above-100 to arn:"), "{error}");
    assert!(error.ends_with("check the policy of the function's role"), "{error}");
    assert_eq!(stage.results(), ["above-100: FAILED", "above-110: SENT"]);
    assert_eq!(stage.deliver(&double_alert("e-1")).await.unwrap(), "SENT");
    assert_eq!(stage.sent(), [once("above-110"), once("above-100")]);
    assert_eq!(stage.results(), ["above-100: SENT", "above-110: DUPLICATE"]);
}

#[tokio::test]
async fn a_refused_publish_may_be_tried_as_often_as_lambda_does_and_is_no_repeat() {
    let stage = Stage::new();
    for _ in 0..5 {
        stage.aws.fail("Publish", 0, Fault::Refused(404, "NotFound"));
        stage.deliver(&alert("e-1")).await.unwrap_err();
    }
    stage.deliver(&alert("e-1")).await.unwrap();
    assert_eq!(stage.sent(), [once("above-100")]);
}

#[tokio::test]
async fn a_refused_publish_holds_no_other_event_back() {
    let stage = Stage::new();
    stage.aws.fail("Publish", 0, Fault::Refused(404, "NotFound"));
    stage.deliver(&alert("e-1")).await.unwrap_err();
    assert_eq!(stage.attempt("r-2", &alert("e-2")).await.unwrap(), "SENT");
    assert_eq!(stage.deliver(&alert("e-1")).await.unwrap(), "SUPPRESSED", "the window has been told about");
    assert_eq!(stage.sent(), [once("above-100")]);
}

#[tokio::test]
async fn a_throttled_publish_is_tried_again_at_once() {
    let stage = Stage::new();
    for _ in 0..2 {
        stage.aws.fail("Publish", 0, Fault::Refused(400, "Throttled"));
    }
    assert_eq!(stage.deliver(&alert("e-1")).await.unwrap(), "SENT");
    assert_eq!(stage.sent(), [once("above-100")]);
}

#[tokio::test]
async fn a_publish_whose_answer_was_lost_is_repeated_once_and_says_so() {
    for lost in [Fault::LostAnswer, Fault::LostRequest, Fault::Refused(500, "InternalError")] {
        let stage = Stage::new();
        stage.aws.fail("Publish", 0, lost.clone());
        let error = stage.deliver(&alert("e-1")).await.unwrap_err();
        assert!(error.ends_with("the message may have been sent"), "{error}");
        assert_eq!(stage.aws.operations().iter().filter(|name| *name == "Publish").count(), 1, "not by the SDK");
        assert_eq!(stage.deliver(&alert("e-1")).await.unwrap(), "SENT");
        let first = (lost == Fault::LostAnswer).then(|| once("above-100"));
        assert_eq!(stage.sent(), first.into_iter().chain([perhaps_again("above-100")]).collect::<Vec<_>>());
        assert_eq!(stage.deliver(&alert("e-1")).await.unwrap(), "DUPLICATE");
    }
}

#[tokio::test]
async fn there_is_no_third_publish_when_two_went_unanswered() {
    let stage = Stage::new();
    for _ in 0..2 {
        stage.aws.fail("Publish", 0, Fault::LostAnswer);
        stage.deliver(&alert("e-1")).await.unwrap_err();
    }
    let error = stage.deliver(&alert("e-1")).await.unwrap_err();
    assert!(error.contains("two publishes went unanswered"), "{error}");
    assert_eq!(stage.sent(), [once("above-100"), perhaps_again("above-100")]);
    assert_eq!(stage.attempt("r-2", &alert("e-2")).await.unwrap(), "SUPPRESSED");
}

#[tokio::test]
async fn a_second_delivery_at_the_same_time_waits_for_the_first() {
    let stage = Stage::new();
    // The first has taken the cool-down and is still running, for all that anybody can know.
    stage.aws.crash_at(2, When::Before);
    stage.attempt("r-1", &alert("e-1")).await.unwrap_err();
    stage.aws.restart();
    // Lambda itself may deliver an event twice, under one request id.
    for request in ["r-2", "r-1"] {
        let error = stage.attempt(request, &alert("e-1")).await.unwrap_err();
        assert!(error.contains("another delivery of this event may be sending"), "{error}");
    }
    assert!(stage.sent().is_empty());
    stage.clock.advance(Duration::from_secs(35));
    assert_eq!(stage.attempt("r-2", &alert("e-1")).await.unwrap(), "SENT");
    assert_eq!(stage.sent(), [perhaps_again("above-100")]);
}

#[tokio::test]
async fn a_sent_message_that_could_not_be_noted_is_no_failure() {
    let stage = Stage::new();
    // The claim and the audit row pass; the note, which is sent beside that row, does not.
    stage.aws.fail("PutItem", 2, Fault::Refused(400, "ThrottlingException"));
    assert_eq!(stage.deliver(&alert("e-1")).await.unwrap(), "SENT");
    assert_eq!(stage.cooldowns()[0].get("sent_at"), None);
    assert_eq!(stage.sent(), [once("above-100")]);
    // Only a redelivery sends it again, once the first can no longer be sending, and says so; then it is noted.
    stage.clock.advance(Duration::from_secs(35));
    assert_eq!(stage.deliver(&alert("e-1")).await.unwrap(), "SENT");
    assert_eq!(stage.deliver(&alert("e-1")).await.unwrap(), "DUPLICATE");
    assert_eq!(stage.sent(), [once("above-100"), perhaps_again("above-100")]);
}

#[tokio::test]
async fn a_claim_that_cannot_be_made_sends_nothing_and_is_tried_again() {
    let stage = Stage::new();
    stage.aws.fail("PutItem", 0, Fault::Refused(400, "ThrottlingException"));
    let error = stage.deliver(&alert("e-1")).await.unwrap_err();
    assert!(error.starts_with("failed to write cooldown#above-100#BTCUSDT#"), "{error}");
    assert!(stage.sent().is_empty());
    assert_eq!(stage.deliver(&alert("e-1")).await.unwrap(), "SENT");
    assert_eq!(stage.sent(), [once("above-100")]);
}

#[tokio::test]
async fn a_claim_whose_answer_was_lost_and_that_the_sdk_repeats_is_no_repeat() {
    let stage = Stage::new();
    let config = stage.aws.sdk_config().into_builder().retry_config(pipeline::aws::retries()).build();
    let stage = Stage::with(stage.aws, &config, stage.clock.now());
    stage.host.prepare().await;
    stage.aws.fail("PutItem", 0, Fault::LostAnswer);
    stage.aws.forget_calls();
    assert_eq!(stage.deliver(&alert("e-1")).await.unwrap(), "SENT");
    assert_eq!(stage.aws.operations()[..3], ["PutItem", "PutItem", "Publish"]);
    assert_eq!(stage.sent(), [once("above-100")]);
}

#[tokio::test]
async fn a_claim_that_fails_is_taken_back_whether_or_not_it_was_made() {
    for lost in [Fault::LostAnswer, Fault::LostRequest, Fault::Refused(500, "InternalServerError")] {
        let stage = Stage::new();
        // More often than publishes may stay unknown: none of these was one.
        for _ in 0..3 {
            stage.aws.fail("PutItem", 0, lost.clone());
            stage.deliver(&alert("e-1")).await.unwrap_err();
        }
        assert_eq!(stage.deliver(&alert("e-1")).await.unwrap(), "SENT");
        assert_eq!(stage.sent(), [once("above-100")], "{lost:?}");
    }
}

#[tokio::test]
async fn a_claim_that_is_taken_back_holds_no_other_event_back() {
    let stage = Stage::new();
    stage.aws.fail("PutItem", 0, Fault::LostAnswer);
    stage.attempt("r-1", &alert("e-1")).await.unwrap_err();
    assert_eq!(stage.attempt("r-2", &alert("e-2")).await.unwrap(), "SENT");
    assert_eq!(stage.attempt("r-1", &alert("e-1")).await.unwrap(), "SUPPRESSED");
    assert_eq!(stage.sent(), [once("above-100")]);
}

#[tokio::test]
async fn deliveries_at_the_same_microsecond_send_one_message() {
    let stage = Stage::new();
    let payloads = [alert("e-1"), alert("e-1"), alert("e-2")];
    let now = u64::try_from(stage.clock.now().as_millisecond()).unwrap();
    let invoke = |(request, payload): (&str, &String)| stage.host.invoke(world::invocation(payload, request, now));
    let answers = futures::future::join_all(["r-1", "r-1", "r-2"].into_iter().zip(&payloads).map(invoke)).await;
    let sent = answers.iter().filter(|answer| answer.as_ref().is_ok_and(|answer| answer["status"] == "SENT"));
    assert_eq!(sent.count(), 1, "{answers:?}");
    assert_eq!(stage.sent(), [once("above-100")]);
}

#[tokio::test]
async fn a_crash_between_any_two_calls_loses_no_alert_and_repeats_it_at_most_once() {
    for when in [When::Before, When::After] {
        let mut crashes = 0;
        for call in 0.. {
            let stage = Stage::new();
            stage.aws.crash_at(call, when);
            let first = stage.deliver(&double_alert("e-1")).await;
            if !stage.aws.crashed() {
                break;
            }
            crashes += 1;
            let before = stage.sent();
            let mut stage = stage.restarted();
            if first.is_err() {
                stage.deliver(&double_alert("e-1")).await.unwrap();
            }
            stage = stage.restarted();
            let last = stage.deliver(&double_alert("e-1")).await.unwrap();
            assert!(["DUPLICATE", "SENT"].contains(&last.as_str()), "{when:?} {call}: {last}");
            for rule in ["above-100", "above-110"] {
                let of_rule = |sent: &[(String, bool)]| sent.iter().filter(|(id, _)| id == rule).count();
                let sent: Vec<_> = stage.sent().into_iter().filter(|(id, _)| id == rule).collect();
                assert!(!sent.is_empty(), "{when:?} {call}: {rule} was lost");
                assert!(sent.len() <= 2, "{when:?} {call}: {sent:?}");
                let repeats = stage.sent().into_iter().skip(before.len()).filter(|(id, _)| id == rule);
                assert!(
                    of_rule(&before) == 0 || repeats.into_iter().all(|(_, told)| told),
                    "{when:?} {call}: {sent:?}"
                );
            }
        }
        assert_eq!(crashes, 8, "settings, two claims, two publishes, two notes, audit");
    }
}
