//! What the host does for every stage: time, metrics, retries.
#![allow(clippy::unwrap_used)]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fake_aws::{FakeAws, Fault, world};
use market::fault::{FaultCode, Rejection, RejectionCode};
use pipeline::audit::Status;
use pipeline::clock::{Clock as _, ManualClock};
use pipeline::failure::Failure;
use pipeline::host::{Call, Host, Outcome, Progress, Work};
use pipeline::settings::IngestionSettings;
use pipeline::stage::Stage;
use pipeline::telemetry::metrics::Sink;
use serde_json::{Value, json};

/// What the stage is to do.
#[derive(Clone, Copy)]
enum Script {
    Succeed,
    Reject,
    Hang,
}

struct Scripted(Script);

impl Work for Scripted {
    const STAGE: Stage = Stage::Ingestion;
    const DETAIL_TYPE: &'static str = "MarketData.Raw";
    type Settings = IngestionSettings;

    async fn handle(&self, _: &Call, _: &IngestionSettings, progress: &mut Progress) -> Result<Outcome, Failure> {
        progress.counts.feed_lag = Some(Duration::from_millis(222));
        match self.0 {
            Script::Succeed => Ok(Status::Stored.into()),
            Script::Reject => {
                Err(Rejection::single(RejectionCode::Validation, "f", FaultCode::Missing, "is missing").into())
            }
            Script::Hang => std::future::pending().await,
        }
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn read(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap();
        std::str::from_utf8(&bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Setup {
    aws: FakeAws,
    lines: Lines,
    clock: Arc<ManualClock>,
    host: Host<Scripted>,
}

fn setup(script: Script) -> Setup {
    let aws = FakeAws::pipeline();
    let lines = Lines::default();
    let clock = ManualClock::at("2021-01-08T00:00:02Z".parse().unwrap());
    let sink = Sink::to(lines.clone());
    let host = Host::new(Scripted(script), &aws.sdk_config(), world::PREFIX, clock.clone(), sink);
    Setup { aws, lines, clock, host }
}

impl Setup {
    /// Delivers an event to an invocation with so much time.
    async fn deliver(&self, milliseconds: u64) -> Result<Value, String> {
        let now = u64::try_from(self.clock.now().as_millisecond()).unwrap();
        let mut event = world::invocation(&world::raw_trade("e-1", "00", "1"), "r-1", now);
        event.context.deadline = now + milliseconds;
        self.host.invoke(event).await.map_err(|error| error.error_message)
    }
}

#[tokio::test]
async fn metrics_tell_what_happened_and_which_start_was_cold() {
    let setup = setup(Script::Succeed);
    let answer = setup.deliver(30_000).await.unwrap();
    assert_eq!(answer, json!({"stage": "ingestion", "event_id": "e-1", "status": "STORED"}));
    setup.deliver(30_000).await.unwrap();
    let lines = setup.lines.read();
    let pick = |line: &Value| [line["Received"].clone(), line["ColdStart"].clone(), line["FeedLag"].clone()];
    assert_eq!(pick(&lines[0]), [json!(1), json!(1), json!(222)]);
    assert_eq!(pick(&lines[1]), [json!(1), Value::Null, json!(222)]);
    assert_eq!(lines[0]["status"], "STORED");
    assert_eq!(lines[0]["symbol"], "BTCUSDT");
}

#[tokio::test]
async fn a_rejection_counts_as_rejected_and_not_as_failed() {
    let setup = setup(Script::Reject);
    setup.deliver(30_000).await.unwrap();
    let line = &setup.lines.read()[0];
    assert_eq!((&line["Rejected"], &line["Failed"]), (&json!(1), &Value::Null));
    let rows = setup.aws.items(world::AUDIT);
    assert_eq!(rows[0]["error_message"]["S"], "VALIDATION: f: is missing");
}

#[tokio::test]
async fn work_that_hangs_is_stopped_in_time_to_say_so() {
    let setup = setup(Script::Hang);
    let error = setup.deliver(2_000).await.unwrap_err();
    assert_eq!(error, "failed to finish in time: the work was stopped after 1s");
    assert_eq!(setup.aws.statuses(), ["FAILED"]);
    let line = &setup.lines.read()[0];
    assert_eq!((&line["Failed"], &line["FeedLag"]), (&json!(1), &json!(222)), "what was counted before stays");
}

#[tokio::test]
async fn an_audit_row_that_cannot_be_written_fails_the_attempt() {
    let setup = setup(Script::Succeed);
    setup.aws.fail("PutItem", 0, Fault::Refused(400, "ThrottlingException"));
    let error = setup.deliver(30_000).await.unwrap_err();
    assert!(error.starts_with("failed to write the audit row of e-1 to dynamodb-audit-test: Throttling"), "{error}");
    assert_eq!(setup.aws.statuses(), ["FAILED"]);
}

#[tokio::test]
async fn without_settings_there_is_no_audit_row_but_a_metric() {
    let setup = setup(Script::Succeed);
    setup.aws.delete_parameter("/market-data/test/audit-table");
    let error = setup.deliver(30_000).await.unwrap_err();
    assert!(error.contains("there is no parameter /market-data/test/audit-table"), "{error}");
    assert_eq!(setup.lines.read()[0]["Failed"], json!(1));
}

#[tokio::test]
async fn the_sdk_tries_three_times_with_short_pauses() {
    let setup = setup(Script::Succeed);
    let config = setup.aws.sdk_config().into_builder().retry_config(pipeline::aws::retries()).build();
    let host = Host::new(Scripted(Script::Succeed), &config, world::PREFIX, setup.clock.clone(), Sink::to(io::sink()));
    for _ in 0..2 {
        setup.aws.fail("PutItem", 0, Fault::Refused(400, "ThrottlingException"));
    }
    let now = u64::try_from(setup.clock.now().as_millisecond()).unwrap();
    host.invoke(world::invocation(&world::raw_trade("e-1", "00", "1"), "r-1", now)).await.unwrap();
    assert_eq!(setup.aws.operations(), ["GetParameters", "PutItem", "PutItem", "PutItem"]);
}

#[tokio::test]
async fn attempts_that_begin_in_the_same_microsecond_each_have_their_audit_row() {
    let setup = setup(Script::Succeed);
    let now = u64::try_from(setup.clock.now().as_millisecond()).unwrap();
    let requests: Vec<_> = (0..10).map(|number| format!("r-{number}")).collect();
    let event = world::raw_trade("e-1", "00", "1");
    let invocations = requests.iter().map(|request| setup.host.invoke(world::invocation(&event, request, now)));
    for answer in futures::future::join_all(invocations).await {
        answer.unwrap();
    }
    let rows = setup.aws.items(world::AUDIT);
    let text = |row: &Value, name: &str| row[name]["S"].as_str().unwrap().to_owned();
    let mut found: Vec<_> = rows.iter().map(|row| text(row, "request_id")).collect();
    found.sort_unstable();
    assert_eq!(found, requests);
    let times: Vec<_> = rows.iter().map(|row| text(row, "timestamp")).collect();
    let expected: Vec<_> = (0..10).map(|microsecond| format!("2021-01-08T00:00:02.00000{microsecond}Z")).collect();
    assert_eq!(times, expected);
}

#[tokio::test]
async fn an_audit_row_that_the_sdk_puts_twice_is_one_row() {
    let setup = setup(Script::Succeed);
    let config = setup.aws.sdk_config().into_builder().retry_config(pipeline::aws::retries()).build();
    let host = Host::new(Scripted(Script::Succeed), &config, world::PREFIX, setup.clock.clone(), Sink::to(io::sink()));
    setup.aws.fail("PutItem", 0, Fault::LostAnswer);
    let now = u64::try_from(setup.clock.now().as_millisecond()).unwrap();
    host.invoke(world::invocation(&world::raw_trade("e-1", "00", "1"), "r-1", now)).await.unwrap();
    assert_eq!(setup.aws.operations(), ["GetParameters", "PutItem", "PutItem"]);
    assert_eq!(setup.aws.statuses(), ["STORED"]);
}
