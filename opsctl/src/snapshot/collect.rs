//! Filling a snapshot: each source on its own, so that one that fails takes nothing else with it.

use futures::stream::{FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};

use super::Snapshot;
use crate::aws::alarms::{self, Alarm};
use crate::aws::dead_letters::{self, DeadLetterQueue};
use crate::aws::events::{self, StoredEvent};
use crate::aws::functions::{self, StageFunction};
use crate::aws::latencies::{self, ServiceLatency};
use crate::aws::metrics::{self, StageMetrics, Window};
use crate::aws::{AwsError, Clients};
use crate::stack::Stack;

/// The sources of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceName {
    /// The stack's alarms: one call.
    Alarms,
    /// The dead letter queues: one call a queue, and up to five more for one that is not empty.
    DeadLetters,
    /// Functions and rules: two calls a stage.
    Functions,
    /// The functions' metrics: seven calls a stage.
    Metrics,
    /// X-Ray's service graph: one call.
    Latencies,
    /// The latest events: three queries.
    Events,
}

impl SourceName {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Alarms, Self::DeadLetters, Self::Functions, Self::Metrics, Self::Latencies, Self::Events];
}

/// What a fetch brought.
#[derive(Debug)]
pub enum Update {
    /// The stack's alarms.
    Alarms(Result<Vec<Alarm>, AwsError>),
    /// The dead letter queues.
    DeadLetters(Result<Vec<DeadLetterQueue>, AwsError>),
    /// Functions and rules.
    Functions(Result<Vec<StageFunction>, AwsError>),
    /// The functions' metrics.
    Metrics(Result<Vec<StageMetrics>, AwsError>),
    /// Latencies of functions and what they call.
    Latencies(Result<Vec<ServiceLatency>, AwsError>),
    /// The latest events.
    Events(Result<Vec<StoredEvent>, AwsError>),
}

/// How to fetch.
#[derive(Debug, Clone)]
pub struct Fetch {
    /// The clients.
    pub clients: Clients,
    /// The stack.
    pub stack: Stack,
    /// How many minutes of metrics and traces to look at.
    pub minutes: u16,
    /// How many of the latest events to read.
    pub events: u16,
}

impl Fetch {
    /// Reads one source as of `now`.
    pub async fn one(&self, source: SourceName, now: Timestamp) -> Update {
        let (clients, stack) = (&self.clients, &self.stack);
        match source {
            SourceName::Alarms => Update::Alarms(alarms::read(&clients.cloudwatch, &stack.alarms).await),
            SourceName::DeadLetters => Update::DeadLetters(dead_letters::read(&clients.sqs, stack).await),
            SourceName::Functions => Update::Functions(functions::read(clients, stack).await),
            SourceName::Metrics => {
                let window = Window::ending_at(now, self.minutes);
                Update::Metrics(metrics::read(&clients.cloudwatch, stack, window).await)
            }
            SourceName::Latencies => {
                let start = now - SignedDuration::from_mins(i64::from(self.minutes));
                Update::Latencies(latencies::read(&clients.xray, stack, start, now).await)
            }
            SourceName::Events => {
                Update::Events(events::recent(&clients.dynamodb, &stack.tables.events, self.events).await)
            }
        }
    }
}

/// Reads every source once, all at the same time.
pub async fn collect(fetch: &Fetch) -> Snapshot {
    let start = Timestamp::now();
    let mut snapshot = Snapshot::empty(&fetch.stack, start);
    let mut updates: FuturesUnordered<_> = SourceName::ALL.into_iter().map(|source| fetch.one(source, start)).collect();
    while let Some(update) = updates.next().await {
        snapshot.apply(update, Timestamp::now());
    }
    snapshot
}
