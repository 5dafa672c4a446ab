//! What a stage says about an event that it was sent: the audit rows that are later than the sending.

use jiff::SignedDuration;
use serde::Serialize;

use super::machine::Accepted;
use crate::aws::audit::{self, AuditRow};
use crate::aws::{AwsError, Clients};
use crate::stack::{Stack, StageName};

/// A row by another clock may be so much older than the sending that it is about.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(1);

/// What a stage says about an event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "word", content = "status", rename_all = "snake_case")]
pub enum Word {
    /// It is through with it: `STORED`, `PROCESSED`, `DUPLICATE` …
    Through(String),
    /// It has rejected it for good: a new letter is in the queue.
    Rejected,
    /// It has failed so far. Lambda tries again, and in the end puts a new letter into the queue.
    Failing,
    /// Nothing yet.
    Nothing,
}

/// Asks a stage's audit trail.
pub(super) async fn ask(
    clients: &Clients,
    stack: &Stack,
    (event_id, stage): (&str, StageName),
    accepted: &Accepted,
) -> Result<Word, AwsError> {
    let rows = audit::read(&clients.dynamodb, &stack.tables.audit.name, event_id, stage).await?;
    Ok(judge(&rows, accepted))
}

fn judge(rows: &[AuditRow], accepted: &Accepted) -> Word {
    let since = accepted.at.checked_sub(CLOCK_SKEW).unwrap_or(accepted.at);
    let is_ours =
        |row: &&AuditRow| row.at >= since || (accepted.accepted_id.is_some() && row.request_id == accepted.accepted_id);
    let ours: Vec<&AuditRow> = rows.iter().filter(is_ours).collect();
    let through = ours.iter().find(|row| !matches!(row.status.as_str(), "FAILED" | "REJECTED"));
    if let Some(row) = through {
        Word::Through(row.status.clone())
    } else if ours.iter().any(|row| row.status == "REJECTED") {
        Word::Rejected
    } else if ours.is_empty() {
        Word::Nothing
    } else {
        Word::Failing
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn row(second: i64, status: &str, request_id: &str) -> AuditRow {
        AuditRow {
            stage: StageName::Ingestion,
            at: Timestamp::from_second(second).unwrap(),
            status: status.to_owned(),
            duration_ms: None,
            error_message: None,
            request_id: Some(request_id.to_owned()),
            trace_id: None,
        }
    }

    #[test]
    fn only_rows_of_this_sending_count() {
        let sent = |id: Option<&str>| Accepted {
            accepted_id: id.map(str::to_owned),
            at: Timestamp::from_second(1000).unwrap(),
        };
        let before = [row(900, "STORED", "a"), row(950, "FAILED", "a")];
        assert_eq!(judge(&before, &sent(Some("b"))), Word::Nothing);
        assert_eq!(judge(&before, &sent(Some("a"))), Word::Through("STORED".to_owned()), "by its request id");
        let failing = [row(900, "FAILED", "a"), row(1001, "FAILED", "b")];
        assert_eq!(judge(&failing, &sent(None)), Word::Failing);
        let rejected = [row(1001, "FAILED", "b"), row(1060, "REJECTED", "b")];
        assert_eq!(judge(&rejected, &sent(None)), Word::Rejected);
        let late = [row(1001, "FAILED", "b"), row(1060, "DUPLICATE", "b")];
        assert_eq!(judge(&late, &sent(None)), Word::Through("DUPLICATE".to_owned()));
    }
}
