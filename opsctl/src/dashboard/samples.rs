//! Fixed pages for tests.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::pages::{Loaded, Page, Topic};
use super::state::State;
use super::testing::state;
use crate::aws::alarms::{AlarmState, Transition};
use crate::aws::audit::AuditRow;
use crate::aws::dead_letters::{DeadLetter, Origin};
use crate::aws::events::{EventDetail, EventRow};
use crate::aws::traces::{Span, SpanStatus, TraceSummary, Waterfall};
use crate::aws::{AwsError, AwsErrorKind};
use crate::snapshot::samples;
use crate::stack::StageName;

const TRACE: &str = "1-6921a1f6-0123456789abcdef01234567";
const FAILED: &str = "failed to read table dynamodb-events-dev: AccessDeniedException: not authorized to perform \
                      dynamodb:GetItem";

fn ago(seconds: i64) -> Timestamp {
    samples::now() - SignedDuration::from_secs(seconds)
}

/// Each kind of page, read; one that is being read, and one that could not be.
pub(crate) fn pages() -> Vec<(&'static str, State)> {
    let on = |topic: Topic, loaded: Option<Loaded>| {
        let mut state = state(samples::unhealthy());
        let mut page = Page::new(topic);
        if let Some(loaded) = loaded {
            page.loading = false;
            page.data.record(Ok(loaded), ago(3));
        }
        state.pages.push(page);
        state
    };
    let letters = letters();
    let letter = Topic::Letter(Box::new(letters[1].clone()));
    let alarm = Topic::Alarm("alarm-processing-errors-dev".to_owned());
    let event = Topic::Event("btcusdt-20261122-000412".to_owned());
    let mut denied = on(event.clone(), None);
    if let Some(page) = denied.pages.last_mut() {
        page.loading = false;
        let error = AwsError {
            kind: AwsErrorKind::Denied,
            doing: "read event btcusdt-20261122-000412 from table dynamodb-events-dev".to_owned(),
            code: Some("AccessDeniedException".to_owned()),
            reason: "User: arn:aws:sts::123456789012:assumed-role/reader is not authorized".to_owned(),
        };
        page.data.record(Err(error), ago(3));
    }
    vec![
        ("stage", on(Topic::Stage(StageName::Processing), Some(Loaded::Nothing))),
        ("alarm", on(alarm, Some(Loaded::History(history())))),
        ("letters", on(Topic::Letters(StageName::Processing), Some(Loaded::Letters(letters)))),
        ("letter", on(letter, Some(Loaded::Nothing))),
        ("event", on(event.clone(), Some(Loaded::Event(Box::new(detail()))))),
        ("event_reading", on(event, None)),
        ("event_denied", denied),
        ("traces", on(Topic::Traces("lambda-processing-dev".to_owned()), Some(Loaded::Traces(traces())))),
        ("trace", on(Topic::Trace(TRACE.to_owned()), Some(Loaded::Trace(waterfall())))),
    ]
}

fn letters() -> Vec<DeadLetter> {
    (0..12_u32)
        .map(|number| {
            let rejected = number % 4 == 1;
            let event_id = format!("btcusdt-20261122-{:06}", 412 + number);
            let detail = json!({
                "schema_version": 1, "event_id": event_id, "event_type": "trade", "symbol": "BTCUSDT",
                "price": if rejected { "-1" } else { "39432.48" }, "size": "0.000263",
                "timestamp": "2026-11-22T12:10:04.250000Z",
            });
            let envelope = json!({
                "version": "0", "id": "6f2c4d0e-59a5-4c2f-9a41-0f4a52b8d9aa", "detail-type": "MarketData.Raw",
                "source": "marketdata.feed.binance", "account": "123456789012", "time": "2026-11-22T12:10:04Z",
                "region": "us-east-1", "resources": [], "detail": detail,
            });
            DeadLetter {
                message_id: format!("5d1f{number:04}-8a0e-4b7e-9f0a-7d3b0c6a51e2"),
                origin: if rejected { Origin::Rejected } else { Origin::Lambda },
                code: if rejected { "VALIDATION" } else { "200" }.to_owned(),
                message: if rejected { "price: must be greater than 0, not -1" } else { FAILED }.to_owned(),
                stage: StageName::Processing,
                sent_at: Some(ago(250 - i64::from(number) * 7)),
                event_id: Some(event_id),
                symbol: Some("BTCUSDT".to_owned()),
                event_type: Some("trade".to_owned()),
                receive_count: Some(1),
                faults: Vec::new(),
                attributes: BTreeMap::new(),
                body: envelope.to_string(),
                receipt: None,
            }
        })
        .collect()
}

fn detail() -> EventDetail {
    let audit = |stage, milliseconds: i64, status: &str, error: Option<&str>| AuditRow {
        stage,
        at: ago(300) + SignedDuration::from_millis(milliseconds),
        status: status.to_owned(),
        duration_ms: Some(41),
        error_message: error.map(str::to_owned),
        request_id: Some("0b6ad4b5-5d3d-4ab3-9a5e-9c1d6f2f1c11".to_owned()),
        trace_id: Some(TRACE.to_owned()),
    };
    let mut event = samples::healthy().events.data.unwrap().swap_remove(1);
    event.tags = vec!["price_spike".to_owned(), "volume_spike".to_owned()];
    event.alert = true;
    let row = EventRow {
        event,
        payload: json!({"event_type": "trade", "price": "39432.48", "size": "0.000263", "venue": "binance"}),
        enrichment: json!({"window": {"count": 50}, "sma": {"value": "39430.1", "observations": 20}}),
        other: serde_json::Map::new(),
    };
    EventDetail {
        event_id: "btcusdt-20261122-000412".to_owned(),
        rows: vec![row],
        audit: vec![
            audit(StageName::Ingestion, 0, "STORED", None),
            audit(StageName::Processing, 120, "FAILED", Some(FAILED)),
            audit(StageName::Processing, 60_400, "PROCESSED", None),
            audit(StageName::Notification, 60_700, "SENT", None),
        ],
        traces: vec![TRACE.to_owned()],
        letters: letters().into_iter().take(1).collect(),
        letters_not_seen: 93,
    }
}

fn traces() -> Vec<TraceSummary> {
    let statuses = [SpanStatus::Ok, SpanStatus::Fault, SpanStatus::Ok, SpanStatus::Throttled, SpanStatus::Running];
    let traces = statuses.into_iter().zip(0_u32..).map(|(status, number)| TraceSummary {
        id: format!("1-6921a1{:02x}-0123456789abcdef01234567", 246 - number),
        started_at: Some(ago(i64::from(number) * 11)),
        duration_ms: (status != SpanStatus::Running).then(|| 42.0 + f64::from(number) * 310.0),
        status,
        services: vec!["lambda-processing-dev".to_owned(), "DynamoDB".to_owned()],
        annotations: BTreeMap::from([
            ("event_id".to_owned(), vec![format!("btcusdt-20261122-{:06}", 412 - number)]),
            ("symbol".to_owned(), vec!["BTCUSDT".to_owned()]),
        ]),
    });
    traces.collect()
}

fn waterfall() -> Waterfall {
    let span =
        |depth, name, operation, from, took, status| Span::sample(depth, (name, operation), (from, took), status);
    Waterfall {
        id: TRACE.to_owned(),
        started_at: ago(300),
        duration_ms: 400.0,
        cut: false,
        spans: vec![
            span(0, "lambda-ingestion-dev", None, 0.0, Some(70.0), SpanStatus::Ok),
            span(1, "DynamoDB", Some("PutItem"), 8.0, Some(5.1), SpanStatus::Ok),
            span(1, "EventBridge", Some("PutEvents"), 14.0, Some(31.0), SpanStatus::Ok),
            span(0, "lambda-processing-dev", None, 120.0, Some(270.0), SpanStatus::Ok),
            span(1, "DynamoDB", Some("GetItem"), 130.0, Some(4.2), SpanStatus::Ok),
            span(1, "DynamoDB", Some("Query"), 130.0, Some(9.7), SpanStatus::Ok),
            span(1, "DynamoDB", Some("UpdateItem"), 200.0, Some(50.0), SpanStatus::Error),
            span(0, "lambda-notification-dev", None, 390.0, None, SpanStatus::Running),
        ],
    }
}

fn history() -> Vec<Transition> {
    let change = |seconds: i64, from, to| Transition {
        alarm: "alarm-processing-errors-dev".to_owned(),
        at: ago(seconds),
        from,
        to,
        reason: Some("Threshold Crossed: 1 out of the last 1 datapoints [37.0] was greater than 0.0".to_owned()),
    };
    vec![
        change(260, AlarmState::Ok, AlarmState::Alarm),
        change(7_200, AlarmState::Alarm, AlarmState::Ok),
        change(7_500, AlarmState::Ok, AlarmState::Alarm),
    ]
}
