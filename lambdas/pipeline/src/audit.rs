//! The audit trail: one row an attempt of a stage, written after what it tells has happened.
//!
//! `audit_id` is `{event_id}#{stage}` and `timestamp` the attempt's time, so three queries give an event's whole history
//! without an index. Rows are only ever put; nothing updates or deletes them. Of attempts that begin in the same
//! microsecond the first to be written has that time, and each further one the next that is free.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use jiff::Timestamp;

use crate::attributes::{Item, n, s, time};
use crate::clock::later;
use crate::failure::CallError;
use crate::stage::Stage;

/// Times that are tried for one row: more than a function has environments that could begin at the same time.
const MAX_TIMES: u64 = 50;

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Ingestion: the event is stored and published.
    Stored,
    /// The work had been done before; nothing was done now.
    Duplicate,
    /// The work had been done before, but perhaps not its publication, so that was done again.
    Republished,
    /// Ingestion: the identity is taken by an event with other content, which is kept.
    Conflict,
    /// Processing: the row is enriched, and the alert published if there is one.
    Processed,
    /// Notification: at least one message was sent.
    Sent,
    /// Notification: rules fired, and a cool-down held every message back.
    Suppressed,
    /// Notification: no rule fires for the event.
    NoRule,
    /// Notification: rules fired, but the event comes from a replay and none of them sends for replays.
    ReplayMuted,
    /// The event can never succeed and is in the dead letter queue.
    Rejected,
    /// The attempt failed; Lambda tries again.
    Failed,
}

impl Status {
    /// The text in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "STORED",
            Self::Duplicate => "DUPLICATE",
            Self::Republished => "REPUBLISHED",
            Self::Conflict => "CONFLICT",
            Self::Processed => "PROCESSED",
            Self::Sent => "SENT",
            Self::Suppressed => "SUPPRESSED",
            Self::NoRule => "NO_RULE",
            Self::ReplayMuted => "REPLAY_MUTED",
            Self::Rejected => "REJECTED",
            Self::Failed => "FAILED",
        }
    }
}

/// One row.
#[derive(Debug, Clone)]
pub struct AuditRow<'a> {
    /// The market event's id; of an unreadable event the envelope's, or the request's.
    pub event_id: &'a str,
    /// Which stage.
    pub stage: Stage,
    /// When the attempt began (wall clock).
    pub timestamp: Timestamp,
    /// The function's name.
    pub function_name: &'a str,
    /// What came of it.
    pub status: Status,
    /// How long it took until the row was written.
    pub duration: Duration,
    /// What went wrong, in one line.
    pub error_message: Option<String>,
    /// Lambda's request id.
    pub request_id: &'a str,
    /// X-Ray's trace id (`1-…`), without the rest of the header.
    pub trace_id: Option<&'a str>,
    /// The raw event's id.
    pub correlation_id: Option<&'a str>,
    /// The exchange's time, the other half of the event's key.
    pub event_timestamp: Option<Timestamp>,
    /// What the stage adds.
    pub details: &'a [(&'static str, AttributeValue)],
}

impl AuditRow<'_> {
    fn item(&self) -> Item {
        let mut item = Item::from([
            ("audit_id".to_owned(), s(format!("{}#{}", self.event_id, self.stage.as_str()))),
            ("timestamp".to_owned(), time(self.timestamp)),
            ("event_id".to_owned(), s(self.event_id)),
            ("stage".to_owned(), s(self.stage.as_str())),
            ("function_name".to_owned(), s(self.function_name)),
            ("status".to_owned(), s(self.status.as_str())),
            ("duration_ms".to_owned(), n(&self.duration.as_millis())),
            ("request_id".to_owned(), s(self.request_id)),
        ]);
        let optional = [
            ("error_message", self.error_message.as_deref().map(s)),
            ("trace_id", self.trace_id.map(s)),
            ("correlation_id", self.correlation_id.map(s)),
            ("event_timestamp", self.event_timestamp.map(time)),
        ];
        let optional = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let details = self.details.iter().map(|(name, value)| (*name, value.clone()));
        item.extend(optional.chain(details).map(|(name, value)| (name.to_owned(), value)));
        item
    }
}

/// Writes the audit trail.
#[derive(Debug, Clone)]
pub struct Audit {
    dynamodb: aws_sdk_dynamodb::Client,
}

impl Audit {
    /// A writer with a client of its own.
    pub fn new(config: &SdkConfig) -> Self {
        Self { dynamodb: crate::aws::dynamodb(config) }
    }

    /// Writes a row; if another attempt's has its key, with the next microsecond that is free.
    pub async fn write(&self, table: &str, row: &AuditRow<'_>) -> Result<(), CallError> {
        let action = || format!("write the audit row of {} to {table}", row.event_id);
        let mut item = row.item();
        for microseconds in 0..MAX_TIMES {
            let timestamp = later(row.timestamp, Duration::from_micros(microseconds));
            item.insert("timestamp".to_owned(), time(timestamp));
            if self.put(table, &item).await.map_err(|error| CallError::new(action(), &error))? {
                return Ok(());
            }
        }
        Err(CallError::answered(action(), format!("{MAX_TIMES} microseconds in a row are taken")))
    }

    /// Puts the row; false if another one has its key.
    async fn put(&self, table: &str, item: &Item) -> Result<bool, SdkError<PutItemError, HttpResponse>> {
        let put = self
            .dynamodb
            .put_item()
            .table_name(table)
            .set_item(Some(item.clone()))
            .condition_expression("attribute_not_exists(audit_id)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else { return Ok(true) };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(error);
        };
        // The SDK repeats a put whose answer was lost: then the row that is in the way is this one.
        Ok(failed.item() == Some(item))
    }
}
