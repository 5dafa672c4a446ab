//! The pipeline's resources in the fake: tables, parameters, and events as the bus delivers them.

use lambda_runtime::{Context, LambdaEvent};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::FakeAws;

/// Prefix of the parameters.
pub const PREFIX: &str = "/market-data/test";
/// The events table.
pub const EVENTS: &str = "dynamodb-events-test";
/// The audit table.
pub const AUDIT: &str = "dynamodb-audit-test";
/// The bus.
pub const BUS: &str = "eventbridge-market-data-test";
/// The topic.
pub const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:sns-alerts-test";

impl FakeAws {
    /// The tables and parameters of the environment `test`, without alert rules.
    pub fn pipeline() -> Self {
        let aws = Self::new();
        aws.create_table(EVENTS, "event_id", "timestamp");
        aws.create_table(AUDIT, "audit_id", "timestamp");
        for (name, value) in [
            ("events-table", EVENTS),
            ("audit-table", AUDIT),
            ("event-bus-name", BUS),
            ("ingestion/dlq-url", "https://sqs.test/sqs-ingestion-dlq-test"),
            ("processing/dlq-url", "https://sqs.test/sqs-processing-dlq-test"),
            ("notification/dlq-url", "https://sqs.test/sqs-notification-dlq-test"),
            ("ingestion/config", r#"{"max_future_skew_seconds":300}"#),
            ("processing/config", r#"{"window_size":50}"#),
            ("alert-rules", r#"{"version":1,"rules":[]}"#),
            ("alerts-topic-arn", TOPIC),
            (
                "notification/config",
                r#"{"console_url_base":"https://console.test","runbook_url":"https://runbook.test"}"#,
            ),
        ] {
            aws.set(name, value);
        }
        aws
    }

    /// Sets a parameter below [`PREFIX`].
    pub fn set(&self, name: &str, value: &str) {
        self.put_parameter(&format!("{PREFIX}/{name}"), value);
    }

    /// The rows of the audit trail as `(audit_id, status)`, oldest first; without the cool-downs.
    pub fn audit(&self) -> Vec<(String, String)> {
        let text = |item: &Value, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
        let mut rows: Vec<_> = self.items(AUDIT).into_iter().filter(|item| item.get("stage").is_some()).collect();
        rows.sort_by_key(|item| text(item, "timestamp"));
        rows.iter().map(|item| (text(item, "audit_id"), text(item, "status"))).collect()
    }

    /// The statuses of the audit trail, oldest first.
    pub fn statuses(&self) -> Vec<String> {
        self.audit().into_iter().map(|(_, status)| status).collect()
    }

    /// The details of the events on the bus.
    pub fn details(&self) -> Vec<Value> {
        let parse =
            |event: &Value| serde_json::from_str(event["Detail"].as_str().unwrap_or_default()).unwrap_or_default();
        self.events().iter().map(parse).collect()
    }
}

/// An event as the bus delivers it; the spaces show whether somebody writes it anew.
pub fn envelope(detail_type: &str, source: &str, detail: &Value) -> String {
    format!(
        r#"{{ "version": "0", "id": "bus-id-1", "detail-type": "{detail_type}", "source": "{source}",
  "account": "000000000000", "time": "2021-01-08T00:00:01Z", "region": "us-east-1", "resources": [], "detail": {detail} }}"#
    )
}

/// X-Ray's id of every invocation's trace.
pub const TRACE_ID: &str = "1-5ff7a3c0-0123456789abcdef01234567";

/// An invocation with that payload. Lambda gives it 30 s from `now` (milliseconds after 1970) on.
pub fn invocation(payload: &str, request_id: &str, now: u64) -> LambdaEvent<Box<RawValue>> {
    let mut context = Context::default();
    request_id.clone_into(&mut context.request_id);
    context.deadline = now + 30_000;
    context.xray_trace_id = Some(format!("Root={TRACE_ID};Parent=53995c3f42cd8ad8;Sampled=1"));
    let payload = RawValue::from_string(payload.to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned());
    LambdaEvent::new(payload, context)
}

/// A raw trade of BTCUSDT: id, time (`2021-01-08T00:00:{second}Z`) and price as given.
pub fn trade(event_id: &str, second: &str, price: &str) -> Value {
    json!({
        "schema_version": 1, "event_id": event_id, "event_type": "trade", "symbol": "BTCUSDT",
        "timestamp": format!("2021-01-08T00:00:{second}Z"), "price": price, "size": "0.5", "x_unknown": [1]
    })
}

/// [`trade`] in its envelope, from the feed `test`.
pub fn raw_trade(event_id: &str, second: &str, price: &str) -> String {
    envelope("MarketData.Raw", "marketdata.feed.test", &trade(event_id, second, price))
}

/// The row that ingestion stores for [`trade`].
pub fn stored_trade(event_id: &str, second: &str, price: &str) -> Value {
    let digits = if second.contains('.') { second.to_owned() } else { format!("{second}.000") };
    let s = |text: &str| json!({"S": text});
    json!({
        "event_id": s(event_id), "timestamp": s(&format!("2021-01-08T00:00:{digits}000Z")), "event_type": s("trade"),
        "source": s("marketdata.feed.test"), "symbol": s("BTCUSDT"), "status": s("RECEIVED"),
        "payload": s(&trade(event_id, second, price).to_string()), "price": {"N": price}, "size": {"N": "0.5"},
        "received_at": s("2021-01-08T00:00:02.000000Z"), "correlation_id": s(event_id)
    })
}

/// The Validated event of [`trade`], as the bus delivers it; `replay` is the JSON of its `metadata.replay`.
pub fn validated_trade(event_id: &str, second: &str, price: &str, replay: &Value) -> String {
    let mut event = trade(event_id, second, price);
    event["source"] = json!("marketdata.feed.test");
    let detail = json!({
        "schema_version": 1, "event_id": format!("{event_id}:validated"), "event": event,
        "metadata": {"correlation_id": event_id, "causation_id": event_id, "trace_header": null, "replay": replay}
    });
    envelope("MarketData.Validated", "marketdata.ingestion", &detail)
}
