//! The audit table: what each stage did with an event.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;

use super::{AwsError, Doing};
use crate::stack::StageName;

/// What one attempt of a stage did with an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRow {
    /// The stage.
    pub stage: StageName,
    /// When it was done.
    pub at: Timestamp,
    /// `STORED`, `REJECTED`, `PROCESSED`, `SENT` …
    pub status: String,
    /// How long the function took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// What went wrong.
    pub error_message: Option<String>,
    /// The Lambda request.
    pub request_id: Option<String>,
    /// The X-Ray trace.
    pub trace_id: Option<String>,
}

impl AuditRow {
    fn from_item(stage: StageName, item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let text = |name: &str| item.get(name)?.as_s().ok().filter(|text| !text.is_empty()).cloned();
        Some(Self {
            stage,
            at: text("timestamp")?.parse().ok()?,
            status: text("status")?,
            // Milliseconds may have a fraction.
            duration_ms: item
                .get("duration_ms")
                .and_then(|value| value.as_n().ok())
                .and_then(|number| number.split('.').next()?.parse().ok()),
            error_message: text("error_message"),
            request_id: text("request_id"),
            trace_id: text("trace_id"),
        })
    }
}

/// Reads a stage's attempts at an event, the first attempt first.
pub async fn read(client: &Client, table: &str, event_id: &str, stage: StageName) -> Result<Vec<AuditRow>, AwsError> {
    let answer = client
        .query()
        .table_name(table)
        .key_condition_expression("audit_id = :id")
        .expression_attribute_values(":id", AttributeValue::S(format!("{event_id}#{stage}")))
        .send()
        .await
        .doing(|| format!("read the audit of event {event_id} from table {table}"))?;
    Ok(answer.items().iter().filter_map(|item| AuditRow::from_item(stage, item)).collect())
}

/// Reads what all stages did with an event, in order of time.
pub async fn history(client: &Client, table: &str, event_id: &str) -> Result<Vec<AuditRow>, AwsError> {
    let stages = StageName::ALL.map(|stage| read(client, table, event_id, stage));
    let mut rows = futures::future::try_join_all(stages).await?.concat();
    rows.sort_by_key(|row| (row.at, row.stage));
    Ok(rows)
}
