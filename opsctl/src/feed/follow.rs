//! Following events through the pipeline by what it leaves in its tables.

use std::collections::HashMap;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::time::Instant;

use super::sender::SentEvent;
use super::stop::Stop;
use crate::aws::audit::{self, AuditRow};
use crate::aws::events::{self, EventKey, KEYS_PER_BATCH, StoredEvent};
use crate::aws::{AwsError, AwsErrorKind, Clients};
use crate::stack::{Stack, StageName};

/// Reads that run at once.
const CONCURRENCY: usize = 16;
/// Audit histories read in one round; the next round goes on with others.
const AUDITS_PER_ROUND: usize = 256;
/// The time between two rounds, at first and at most.
const ROUND: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));
/// An event without a row after this time is looked for in the audit: perhaps it was rejected.
const PATIENCE: SignedDuration = SignedDuration::from_secs(3);
/// How far our idea of AWS's clock may be off: a row that is older than the sending by more is of an earlier sending.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(2);

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Stored and enriched.
    Processed {
        /// When ingestion stored it.
        received_at: Option<Timestamp>,
        /// When processing had enriched it.
        processed_at: Option<Timestamp>,
        /// True when it raised an alert.
        alert: bool,
        /// What processing found unusual about it.
        tags: Vec<String>,
    },
    /// It was there already; ingestion said so of this copy.
    Duplicate,
    /// Its identity is taken by an event with other content, which was kept.
    Conflict {
        /// What ingestion said.
        reason: String,
    },
    /// A stage rejected it for good.
    Rejected {
        /// Which.
        stage: StageName,
        /// Why.
        reason: String,
    },
    /// The bus did not take it.
    Refused {
        /// Why.
        reason: String,
    },
    /// Stored, but not processed in time.
    Late,
    /// No trace of it was found in time.
    Lost,
    /// Not known: someone stopped the following before the event had ended or its time was over.
    Open,
}

impl Outcome {
    /// True when it is what was meant to become of an event.
    pub fn is_expected(&self, poison: bool) -> bool {
        match self {
            Self::Processed { .. } | Self::Duplicate => !poison,
            Self::Rejected { .. } | Self::Refused { .. } => poison,
            Self::Conflict { .. } | Self::Late | Self::Lost | Self::Open => false,
        }
    }
}

/// A sent event and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Followed {
    /// The event.
    #[serde(flatten)]
    pub sent: SentEvent,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Follows events.
#[derive(Debug, Clone)]
pub struct Follower {
    /// The clients.
    pub clients: Clients,
    /// The stack.
    pub stack: Stack,
}

/// What is known of an event while it is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Nothing,
    Row,
}

impl Follower {
    /// Follows events until each has ended, or `timeout` is over, or someone asks to stop. `progress` hears how many have
    /// ended. The result is in the order of `sent`.
    ///
    /// A round reads the rows of all open events, a hundred a call, and the audit only of those whose row cannot tell:
    /// poison, events without a row after 3 s, rows older than the sending. Throttled or unanswered reads cost a round,
    /// not the result; an error is returned only when the tables may not be read.
    pub async fn follow(
        &self,
        sent: &[SentEvent],
        timeout: Duration,
        stop: &Stop,
        progress: impl Fn(u64),
    ) -> Result<Vec<Followed>, AwsError> {
        let deadline = Instant::now() + timeout;
        let mut outcomes: Vec<Option<Outcome>> = sent.iter().map(refused).collect();
        let mut seen = vec![Seen::Nothing; sent.len()];
        let mut cursor = 0;
        let mut pause = ROUND.0;
        loop {
            let before = outcomes.iter().flatten().count();
            match self.round(sent, &mut outcomes, &mut seen, &mut cursor).await {
                Ok(()) => {}
                Err(error) if matches!(error.kind, AwsErrorKind::Throttled | AwsErrorKind::Unreachable) => {
                    pause = ROUND.1;
                }
                Err(error) => return Err(error),
            }
            let ended = outcomes.iter().flatten().count();
            progress(ended as u64);
            if ended == sent.len() || stop.is_requested() || Instant::now() >= deadline {
                break;
            }
            pause = if ended > before { ROUND.0 } else { (pause * 2).min(ROUND.1) };
            stop.sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
        }
        let in_time = Instant::now() < deadline;
        let ends = outcomes.into_iter().zip(seen).map(|(outcome, seen)| match (outcome, seen) {
            (Some(outcome), _) => outcome,
            (None, _) if in_time => Outcome::Open,
            (None, Seen::Row) => Outcome::Late,
            (None, Seen::Nothing) => Outcome::Lost,
        });
        Ok(sent.iter().cloned().zip(ends).map(|(sent, outcome)| Followed { sent, outcome }).collect())
    }

    async fn round(
        &self,
        sent: &[SentEvent],
        outcomes: &mut [Option<Outcome>],
        seen: &mut [Seen],
        cursor: &mut usize,
    ) -> Result<(), AwsError> {
        let rows = self.rows(sent, outcomes).await?;
        let now = Timestamp::now();
        let mut unclear = Vec::new();
        for (index, event) in sent.iter().enumerate() {
            if outcomes[index].is_some() {
                continue;
            }
            match event.key.as_ref().and_then(|key| rows.get(key)) {
                Some(row) => {
                    seen[index] = Seen::Row;
                    let old = row.received_at.is_some_and(|at| at < event.sent_at - CLOCK_SKEW);
                    // A row from before the sending says nothing of this copy; the audit does. A copy that has a trace of
                    // its own is known there for sure, however close the two sendings are.
                    let traced = event.trace_id.is_some() && now.duration_since(event.sent_at) <= PATIENCE;
                    if old || traced {
                        unclear.push((index, StageName::Ingestion));
                    } else if row.status == "PROCESSED" {
                        outcomes[index] = Some(processed(row));
                    } else if now.duration_since(event.sent_at) > PATIENCE {
                        unclear.push((index, StageName::Processing));
                    }
                }
                None if event.poison || event.key.is_none() || now.duration_since(event.sent_at) > PATIENCE => {
                    unclear.push((index, StageName::Ingestion));
                }
                None => {}
            }
        }
        for (index, audit) in self.audits(sent, &unclear, cursor).await? {
            let row = sent[index].key.as_ref().and_then(|key| rows.get(key));
            outcomes[index] = judge(&sent[index], row, &audit);
        }
        Ok(())
    }

    async fn rows(
        &self,
        sent: &[SentEvent],
        outcomes: &[Option<Outcome>],
    ) -> Result<HashMap<EventKey, StoredEvent>, AwsError> {
        let open = sent.iter().zip(outcomes).filter(|(_, outcome)| outcome.is_none());
        let mut keys: Vec<EventKey> = open.filter_map(|(event, _)| event.key.clone()).collect();
        // A batch must not name a key twice.
        keys.sort_by(|one, other| (&one.event_id, &one.timestamp).cmp(&(&other.event_id, &other.timestamp)));
        keys.dedup();
        let table = &self.stack.tables.events.name;
        let batches: Vec<Vec<StoredEvent>> = stream::iter(keys.chunks(KEYS_PER_BATCH).map(<[EventKey]>::to_vec))
            .map(|keys| async move { events::batch(&self.clients.dynamodb, table, &keys).await })
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        Ok(batches.into_iter().flatten().map(|row| (row.key(), row)).collect())
    }

    /// The audit of some of the unclear events: those after the cursor, which moves on, so that all get their turn.
    async fn audits(
        &self,
        sent: &[SentEvent],
        unclear: &[(usize, StageName)],
        cursor: &mut usize,
    ) -> Result<Vec<(usize, Vec<AuditRow>)>, AwsError> {
        if unclear.is_empty() {
            return Ok(Vec::new());
        }
        let turn = *cursor % unclear.len();
        let chosen: Vec<(usize, StageName)> =
            unclear[turn..].iter().chain(&unclear[..turn]).take(AUDITS_PER_ROUND).copied().collect();
        *cursor = turn + chosen.len();
        let table = &self.stack.tables.audit.name;
        stream::iter(chosen)
            .map(|(index, stage)| async move {
                let rows = audit::read(&self.clients.dynamodb, table, &sent[index].event_id, stage).await?;
                Ok((index, rows))
            })
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await
    }
}

fn refused(event: &SentEvent) -> Option<Outcome> {
    event.refused.clone().map(|reason| Outcome::Refused { reason })
}

fn processed(row: &StoredEvent) -> Outcome {
    Outcome::Processed {
        received_at: row.received_at,
        processed_at: row.processed_at,
        alert: row.alert,
        tags: row.tags.clone(),
    }
}

/// What the audit of a stage says of this copy of the event; nothing when it does not know it yet.
fn judge(sent: &SentEvent, row: Option<&StoredEvent>, audit: &[AuditRow]) -> Option<Outcome> {
    let done = || audit.iter().rev().filter(|entry| entry.status != "FAILED");
    let by_trace = done().find(|entry| sent.trace_id.is_some() && entry.trace_id == sent.trace_id);
    // Without its own trace it is told by the time; with one, only when the trace has had the time to show up.
    let late = sent.trace_id.is_none() || Timestamp::now().duration_since(sent.sent_at) > PATIENCE;
    let by_time = || done().find(|entry| late && entry.at >= sent.sent_at - CLOCK_SKEW);
    let last = by_trace.or_else(by_time)?;
    let reason = || last.error_message.clone().unwrap_or_else(|| "no reason given".to_owned());
    match last.status.as_str() {
        "REJECTED" => Some(Outcome::Rejected { stage: last.stage, reason: reason() }),
        "CONFLICT" => Some(Outcome::Conflict { reason: reason() }),
        "DUPLICATE" if last.stage == StageName::Ingestion => Some(Outcome::Duplicate),
        // What was published, now or because it was stuck, has ended when its row is processed.
        "STORED" | "REPUBLISHED" => row.filter(|row| row.status == "PROCESSED").map(processed),
        _ => None,
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
