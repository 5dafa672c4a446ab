//! What happened to one event, in order of time.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::follow::{Followed, Follower, Outcome};
use super::stop::Stop;
use crate::aws::AwsError;
use crate::aws::audit::{self, AuditRow};
use crate::stack::StageName;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// When, by AWS's clock.
    pub at: Timestamp,
    /// Who did it: `opsctl` or a stage.
    pub who: String,
    /// What: `SENT TO BUS`, or the status in the audit.
    pub what: String,
    /// How long the function took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// Why, when there is a reason.
    pub reason: Option<String>,
}

impl Follower {
    /// What happened to an event. Waits, up to `timeout`, for what must still come: the audit of the last stage that its
    /// outcome says it reached, which is written after the fact.
    pub async fn timeline(&self, event: &Followed, timeout: Duration, stop: &Stop) -> Result<Vec<Moment>, AwsError> {
        let deadline = Instant::now() + timeout;
        let last = match &event.outcome {
            Outcome::Processed { alert: true, .. } => Some(StageName::Notification),
            Outcome::Processed { .. } => Some(StageName::Processing),
            _ => None,
        };
        let mut rows: Vec<AuditRow>;
        loop {
            rows = audit::history(&self.clients.dynamodb, &self.stack.tables.audit.name, &event.sent.event_id).await?;
            let complete = last.is_none_or(|last| rows.iter().any(|row| row.stage == last && row.status != "FAILED"));
            if complete || stop.is_requested() || Instant::now() >= deadline {
                break;
            }
            stop.sleep(Duration::from_millis(500)).await;
        }
        let sent = Moment {
            at: event.sent.sent_at,
            who: "opsctl".to_owned(),
            what: if event.sent.refused.is_some() { "REFUSED BY BUS" } else { "SENT TO BUS" }.to_owned(),
            duration_ms: None,
            reason: event.sent.refused.clone(),
        };
        // The sending stands first whatever the clocks say.
        Ok(std::iter::once(sent).chain(rows.into_iter().map(Moment::from)).collect())
    }
}

impl From<AuditRow> for Moment {
    fn from(row: AuditRow) -> Self {
        Self {
            at: row.at,
            who: row.stage.to_string(),
            what: row.status,
            duration_ms: row.duration_ms,
            reason: row.error_message,
        }
    }
}
