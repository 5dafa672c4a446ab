//! Fixed snapshots for tests.

use jiff::{SignedDuration, Timestamp};

use super::{Snapshot, Update};
use crate::aws::alarms::{Alarm, AlarmState};
use crate::aws::dead_letters::{Cause, DeadLetterQueue, Origin};
use crate::aws::events::StoredEvent;
use crate::aws::functions::StageFunction;
use crate::aws::latencies::ServiceLatency;
use crate::aws::metrics::{Percentiles, Point, Series, StageMetrics, Window};
use crate::aws::{AwsError, AwsErrorKind};
use crate::stack::{StageName, samples};

/// When all of it is.
pub(crate) fn now() -> Timestamp {
    "2026-11-22T12:14:30Z".parse().unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// A minute's value each, the last one for the running minute.
fn series(values: &[f64]) -> Series {
    let end: Timestamp = "2026-11-22T12:15:00Z".parse().unwrap();
    let minutes = (1_i64..).map(|minute| end - SignedDuration::from_mins(minute));
    let mut points: Vec<Point> =
        values.iter().rev().zip(minutes).map(|(value, at)| Point { at, value: *value }).collect();
    points.reverse();
    Series { points }
}

fn stage_metrics(stage: StageName) -> StageMetrics {
    let busy = stage != StageName::Notification;
    let some = |values: &[f64]| if busy { series(values) } else { Series::default() };
    StageMetrics {
        stage,
        window: Window::ending_at(now(), 15),
        oldest_read_at: now(),
        invocations: some(&[1200.0, 1250.0, 640.0]),
        errors: some(&[0.0, 0.0, 0.0]),
        throttles: some(&[0.0, 0.0, 0.0]),
        concurrency: some(&[3.0, 4.0, 2.0]),
        async_age_ms: some(&[40.0, 65.0, 38.0]),
        dead_letter_errors: Series::default(),
        duration: busy.then_some(Percentiles { p50_ms: 41.2, p95_ms: 77.0, p99_ms: 1320.0 }),
    }
}

/// Everything is known and nothing is wrong.
pub(crate) fn healthy() -> Snapshot {
    let stack = samples::stack();
    let mut snapshot = Snapshot::empty(&stack, now());
    let alarms = stack.alarms.iter().map(|alarm| Alarm {
        name: alarm.name.clone(),
        stage: alarm.stage,
        kind: alarm.kind.clone(),
        state: AlarmState::Ok,
        since: Some(ago(86_400)),
        reason: Some("Threshold Crossed: no datapoints were received".to_owned()),
        actions_enabled: true,
    });
    let queues = stack.stages.iter().map(|(stage, queue)| DeadLetterQueue {
        stage,
        name: queue.dlq_name.clone(),
        depth: 0,
        in_flight: 0,
        sampled: 0,
        oldest: None,
        causes: Vec::new(),
    });
    let functions = stack.stages.iter().map(|(stage, function)| StageFunction {
        stage,
        function: function.function_name.clone(),
        reserved_concurrency: Some(10),
        deployed_concurrency: Some(10),
        active: true,
        problem: None,
        rule_enabled: true,
    });
    let latency = |name: &str, p50_ms: f64| ServiceLatency {
        name: name.to_owned(),
        kind: None,
        count: 812,
        faults: 0,
        throttled: 0,
        latency: Some(Percentiles { p50_ms, p95_ms: p50_ms * 2.0, p99_ms: p50_ms * 30.0 }),
        trend: Vec::new(),
    };
    let event = |id: &str, event_type: &str| StoredEvent {
        event_id: id.to_owned(),
        timestamp: "2026-11-22T12:14:29.250000Z".to_owned(),
        event_type: event_type.to_owned(),
        symbol: "BTCUSDT".to_owned(),
        status: "PROCESSED".to_owned(),
        source: Some("marketdata.feed.binance".to_owned()),
        price: Some("39432.48".to_owned()),
        size: Some("0.000263".to_owned()),
        bid: (event_type == "quote").then(|| "39432.47".to_owned()),
        ask: (event_type == "quote").then(|| "39432.49".to_owned()),
        received_at: Some(ago(1)),
        processed_at: Some(now()),
        tags: Vec::new(),
        alert: event_type == "trade",
    };
    let updates = [
        Update::Alarms(Ok(alarms.collect())),
        Update::DeadLetters(Ok(queues.collect())),
        Update::Functions(Ok(functions.collect())),
        Update::Metrics(Ok(StageName::ALL.map(stage_metrics).to_vec())),
        Update::Latencies(Ok(vec![
            latency("lambda-ingestion-dev", 41.0),
            latency("lambda-processing-dev", 63.0),
            latency("DynamoDB", 4.4),
        ])),
        Update::Events(Ok(vec![event("e2", "trade"), event("e1", "quote")])),
    ];
    for update in updates {
        snapshot.apply(update, now());
    }
    snapshot
}

/// Processing fails: errors, dead letters of two kinds, alarms, a pause, a stuck event.
pub(crate) fn unhealthy() -> Snapshot {
    let mut snapshot = healthy();
    for alarm in snapshot.alarms.data.iter_mut().flatten() {
        match alarm.name.as_str() {
            "alarm-processing-errors-dev" | "alarm-events-write-throttles-dev" => {
                alarm.state = AlarmState::Alarm;
                alarm.since = Some(ago(260));
                alarm.reason = Some("Threshold Crossed: 1 out of the last 1 datapoints [37.0] was greater".to_owned());
            }
            "alarm-ingestion-errors-dev" => alarm.state = AlarmState::Missing,
            "alarm-ingestion-throttles-dev" => alarm.actions_enabled = false,
            _ => {}
        }
    }
    let cause = |origin, code: &str, stage, example: &str, count| Cause {
        origin,
        code: code.to_owned(),
        stage,
        example: example.to_owned(),
        example_event_id: Some("e1".to_owned()),
        count,
    };
    for queue in snapshot.dead_letters.data.iter_mut().flatten() {
        queue.oldest = Some(ago(7_500));
        match queue.stage {
            StageName::Ingestion => {
                (queue.depth, queue.sampled) = (2, 2);
                let words = "price: must be greater than 0, not -1";
                queue.causes = vec![cause(Origin::Rejected, "VALIDATION", queue.stage, words, 2)];
            }
            StageName::Processing => {
                (queue.depth, queue.in_flight, queue.sampled) = (143, 3, 20);
                queue.causes = vec![
                    cause(Origin::Lambda, "200", queue.stage, "failed to read table dynamodb-events-dev: denied", 19),
                    cause(Origin::EventBridge, "NO_PERMISSIONS", queue.stage, "", 1),
                ];
            }
            StageName::Notification => {}
        }
    }
    for metrics in snapshot.metrics.data.iter_mut().flatten() {
        match metrics.stage {
            StageName::Ingestion => {
                metrics.throttles = series(&[12.0, 0.0]);
                metrics.async_age_ms = series(&[95_000.0]);
            }
            StageName::Processing => {
                metrics.errors = series(&[0.0, 300.0, 37.0]);
                metrics.concurrency = series(&[10.0]);
                metrics.dead_letter_errors = series(&[2.0]);
            }
            StageName::Notification => {}
        }
    }
    for function in snapshot.functions.data.iter_mut().flatten() {
        if function.stage == StageName::Notification {
            function.reserved_concurrency = Some(0);
            function.rule_enabled = false;
        }
    }
    if let Some(event) = snapshot.events.data.iter_mut().flatten().next() {
        event.status = "RECEIVED".to_owned();
        event.received_at = Some(ago(900));
    }
    snapshot
}

/// X-Ray may not be read, the rest is fine.
pub(crate) fn without_traces() -> Snapshot {
    let mut snapshot = healthy();
    snapshot.latencies = super::Source::new(120, 600);
    let error = failure(AwsErrorKind::Denied, "read X-Ray's service graph", "AccessDeniedException");
    snapshot.apply(Update::Latencies(Err(error)), now());
    snapshot
}

/// Nothing could be read, ever.
pub(crate) fn unreachable() -> Snapshot {
    let mut snapshot = Snapshot::empty(&samples::stack(), now());
    let error = |doing: &str| AwsError {
        kind: AwsErrorKind::Unreachable,
        doing: doing.to_owned(),
        code: None,
        reason: "connection refused".to_owned(),
    };
    let updates = [
        Update::Alarms(Err(error("read the state of 36 alarms"))),
        Update::DeadLetters(Err(error("read the depth of queue sqs-ingestion-dlq-dev"))),
        Update::Functions(Err(error("read function lambda-ingestion-dev"))),
        Update::Metrics(Err(error("read metric Errors of lambda-ingestion-dev"))),
        Update::Latencies(Err(error("read X-Ray's service graph"))),
        Update::Events(Err(error("read recent events from table dynamodb-events-dev"))),
    ];
    for update in updates {
        snapshot.apply(update, now());
    }
    snapshot
}

/// All was well two minutes ago; since then alarms and queues were throttled.
pub(crate) fn stale() -> Snapshot {
    let mut snapshot = healthy();
    let later = now() + SignedDuration::from_mins(2);
    let throttled = || failure(AwsErrorKind::Throttled, "read the state of 36 alarms", "ThrottlingException");
    snapshot.apply(Update::Alarms(Err(throttled())), later);
    snapshot
}

fn failure(kind: AwsErrorKind, doing: &str, code: &str) -> AwsError {
    AwsError { kind, doing: doing.to_owned(), code: Some(code.to_owned()), reason: "no".to_owned() }
}

/// The processing function crashes: errors climb, events wait, the first dead letters are there, its alarms ring.
pub(crate) fn crash() -> Snapshot {
    let mut snapshot = healthy();
    ring(&mut snapshot, &["alarm-processing-errors-dev", "alarm-processing-dlq-depth-dev"], 90);
    for metrics in snapshot.metrics.data.iter_mut().flatten().filter(|it| it.stage == StageName::Processing) {
        metrics.errors = series(&[0.0, 180.0, 1_150.0, 610.0]);
        metrics.concurrency = series(&[3.0, 9.0, 10.0, 10.0]);
        metrics.async_age_ms = series(&[40.0, 9_000.0, 48_000.0, 94_000.0]);
        metrics.throttles = series(&[0.0, 0.0, 210.0, 340.0]);
    }
    let words = "failed to read table dynamodb-events-dev: denied";
    letters(&mut snapshot, StageName::Processing, Origin::Lambda, "200", words, 412);
    for event in snapshot.events.data.iter_mut().flatten() {
        event.status = "RECEIVED".to_owned();
        event.processed_at = None;
    }
    snapshot
}

/// A feed sends what nobody can use: everything is rejected, and the pipeline itself is well.
pub(crate) fn poisoned() -> Snapshot {
    let mut snapshot = healthy();
    ring(&mut snapshot, &["alarm-ingestion-dlq-depth-dev"], 60);
    let words = "price: must be greater than 0, not -1";
    letters(&mut snapshot, StageName::Ingestion, Origin::Rejected, "VALIDATION", words, 1_204);
    snapshot
}

/// After the crash: nothing fails any more, the alarms have just gone quiet, and letters still wait to be sent again.
pub(crate) fn recovery() -> Snapshot {
    let mut snapshot = crash();
    for alarm in snapshot.alarms.data.iter_mut().flatten().filter(|it| it.name == "alarm-processing-errors-dev") {
        (alarm.state, alarm.since) = (AlarmState::Ok, Some(ago(30)));
        alarm.reason = Some("Threshold Crossed: no datapoints were received".to_owned());
    }
    for metrics in snapshot.metrics.data.iter_mut().flatten().filter(|it| it.stage == StageName::Processing) {
        metrics.errors = series(&[180.0, 1_150.0, 610.0, 0.0, 0.0]);
        metrics.concurrency = series(&[9.0, 10.0, 10.0, 8.0, 4.0]);
        metrics.async_age_ms = series(&[9_000.0, 48_000.0, 94_000.0, 30_000.0, 60.0]);
        metrics.throttles = series(&[0.0, 210.0, 340.0, 0.0, 0.0]);
    }
    for event in snapshot.events.data.iter_mut().flatten() {
        event.status = "PROCESSED".to_owned();
        event.processed_at = Some(now());
    }
    snapshot
}

/// Every call hangs: nothing has come, and nothing has failed either.
pub(crate) fn hanging() -> Snapshot {
    Snapshot::empty(&samples::stack(), now())
}

/// The crash, looked at afterwards: what AWS keeps of it.
pub(crate) fn past() -> Snapshot {
    let mut snapshot = crash();
    snapshot.at = Some(now());
    for queue in snapshot.dead_letters.data.iter_mut().flatten() {
        queue.sampled = 0;
        queue.causes.clear();
    }
    snapshot.functions = super::Source::new(180, 600);
    snapshot.apply(Update::Functions(Err(AwsError::not_kept("read how functions and rules were set"))), now());
    snapshot
}

/// What has been known turns bad: the sources of a snapshot fail in their own ways a minute later.
pub(crate) fn failing() -> Snapshot {
    let mut snapshot = healthy();
    let later = now() + SignedDuration::from_mins(1);
    let updates = [
        Update::Alarms(Err(failure(AwsErrorKind::Throttled, "read the state of 36 alarms", "ThrottlingException"))),
        Update::DeadLetters(Err(failure(
            AwsErrorKind::NotFound,
            "read the depth of queue sqs-ingestion-dlq-dev",
            "AWS.SimpleQueueService.NonExistentQueue",
        ))),
        Update::Functions(Err(failure(
            AwsErrorKind::Expired,
            "read function lambda-ingestion-dev",
            "ExpiredTokenException",
        ))),
        Update::Metrics(Err(failure(
            AwsErrorKind::ClockSkew,
            "read metric Errors of lambda-ingestion-dev",
            "RequestTimeTooSkewed",
        ))),
        Update::Latencies(Err(failure(AwsErrorKind::Denied, "read X-Ray's service graph", "AccessDeniedException"))),
        Update::Events(Err(failure(
            AwsErrorKind::Unreachable,
            "read recent events from table dynamodb-events-dev",
            "connection reset",
        ))),
    ];
    for update in updates {
        snapshot.apply(update, later);
    }
    snapshot
}

fn ring(snapshot: &mut Snapshot, names: &[&str], seconds: i64) {
    for alarm in snapshot.alarms.data.iter_mut().flatten().filter(|alarm| names.contains(&alarm.name.as_str())) {
        (alarm.state, alarm.since) = (AlarmState::Alarm, Some(ago(seconds)));
        alarm.reason = Some("Threshold Crossed: 1 out of the last 1 datapoints was greater".to_owned());
    }
    let alarms = snapshot.alarms.data.iter_mut().flatten().filter(|alarm| alarm.state == AlarmState::Alarm);
    assert_eq!(alarms.count(), names.len(), "each is an alarm of the sample");
}

fn letters(snapshot: &mut Snapshot, stage: StageName, origin: Origin, code: &str, words: &str, depth: u64) {
    for queue in snapshot.dead_letters.data.iter_mut().flatten().filter(|queue| queue.stage == stage) {
        (queue.depth, queue.sampled, queue.oldest) = (depth, 50, Some(ago(80)));
        queue.causes = vec![Cause {
            origin,
            code: code.to_owned(),
            stage,
            example: words.to_owned(),
            example_event_id: Some("e1".to_owned()),
            count: 50,
        }];
    }
}
