//! Filling a snapshot: each source on its own, so that one that fails takes nothing else with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};

use super::{Snapshot, SourceName, Update, past};
use crate::aws::alarms::{self, AlarmState};
use crate::aws::calls::{self, ApiCalls};
use crate::aws::dead_letters::{self, Look};
use crate::aws::metrics::{self, Window};
use crate::aws::{AwsError, Clients, events, functions, latencies};
use crate::stack::Stack;

/// How to fetch. Cheap to clone; clones share what they remember.
#[derive(Debug, Clone)]
pub struct Fetch {
    clients: Clients,
    stack: Arc<Stack>,
    minutes: u16,
    events: u16,
    at: Option<Timestamp>,
    memory: Option<Memory>,
}

/// What the last fetches brought, so that the next ones can be smaller.
#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    ringing: bool,
    letters: Vec<Look>,
    metrics: Option<metrics::Known>,
    events: Option<events::Known>,
    trend: latencies::Trend,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fetch {
    /// Looks at the present: the last `minutes` of metrics and traces, and so many of the latest events.
    pub fn new(clients: Clients, stack: Stack, minutes: u16, events: u16) -> Self {
        Self { clients, stack: Arc::new(stack), minutes, events, at: None, memory: None }
    }

    /// For looking again and again: remembers what came, reads only what can have changed, and reads latencies minute by
    /// minute for their trend.
    #[must_use]
    pub fn repeatedly(self) -> Self {
        Self { memory: Some(Memory::default()), ..self }
    }

    /// Looks at the past: as it was at `at`, as far as AWS keeps that. None is the present.
    #[must_use]
    pub fn at(&self, at: Option<Timestamp>) -> Self {
        Self { at, ..self.clone() }
    }

    /// The point in time that is looked at; none is the present.
    pub fn looks_at(&self) -> Option<Timestamp> {
        self.at
    }

    /// The clients.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// The stack.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// A snapshot in which nothing is known yet of the time that is looked at.
    pub fn empty(&self, now: Timestamp) -> Snapshot {
        let mut snapshot = Snapshot::empty(&self.stack, self.at.unwrap_or(now));
        snapshot.at = self.at;
        snapshot
    }

    /// Reads one source and counts the calls that it takes.
    pub async fn counted(&self, source: SourceName, now: Timestamp) -> (Update, Vec<ApiCalls>) {
        calls::count(self.one(source, now)).await
    }

    /// Reads one source as of `now`, or of the past that is looked at.
    pub async fn one(&self, source: SourceName, now: Timestamp) -> Update {
        match source {
            SourceName::Alarms => Update::Alarms(self.alarms(now).await),
            SourceName::DeadLetters => Update::DeadLetters(self.dead_letters(now).await),
            SourceName::Functions => Update::Functions(self.functions().await),
            SourceName::Metrics => Update::Metrics(self.metrics(now).await),
            SourceName::Latencies => Update::Latencies(self.latencies(now).await),
            SourceName::Events => Update::Events(self.events(now).await),
        }
    }

    async fn alarms(&self, now: Timestamp) -> Result<Vec<alarms::Alarm>, AwsError> {
        let (client, expected) = (&self.clients.cloudwatch, &self.stack.alarms);
        if let Some(at) = self.at {
            return past::alarms(client, expected, at, now).await;
        }
        let alarms = alarms::read(client, expected).await?;
        if let Some(memory) = &self.memory {
            memory.lock().ringing = alarms.iter().any(|alarm| alarm.state == AlarmState::Alarm);
        }
        Ok(alarms)
    }

    async fn dead_letters(&self, now: Timestamp) -> Result<Vec<dead_letters::DeadLetterQueue>, AwsError> {
        if let Some(at) = self.at {
            return past::dead_letters(&self.clients.cloudwatch, &self.stack, at).await;
        }
        let Some(memory) = &self.memory else {
            return dead_letters::read(&self.clients.sqs, &self.stack).await;
        };
        let known = memory.lock().letters.clone();
        let looks = dead_letters::refresh(&self.clients.sqs, &self.stack, &known, now).await?;
        memory.lock().letters.clone_from(&looks);
        Ok(looks.into_iter().map(|look| look.queue).collect())
    }

    async fn functions(&self) -> Result<Vec<functions::StageFunction>, AwsError> {
        match self.at {
            Some(_) => Err(AwsError::not_kept("read how functions and rules were set")),
            None => functions::read(&self.clients, &self.stack).await,
        }
    }

    async fn metrics(&self, now: Timestamp) -> Result<Vec<metrics::StageMetrics>, AwsError> {
        let (client, stack) = (&self.clients.cloudwatch, &*self.stack);
        let window = Window::ending_at(self.at.unwrap_or(now), self.minutes);
        let Some(memory) = self.memory.as_ref().filter(|_| self.at.is_none()) else {
            return metrics::read(client, stack, window, self.at.unwrap_or(now)).await;
        };
        let (known, amiss) = {
            let remembered = memory.lock();
            (remembered.metrics.clone(), remembered.ringing)
        };
        let known = metrics::refresh(client, stack, window, now, known.as_ref(), amiss).await?;
        let stages = known.stages.clone();
        memory.lock().metrics = Some(known);
        Ok(stages)
    }

    async fn latencies(&self, now: Timestamp) -> Result<Vec<latencies::ServiceLatency>, AwsError> {
        let (client, end) = (&self.clients.xray, self.at.unwrap_or(now));
        let start = end - SignedDuration::from_mins(i64::from(self.minutes));
        let Some(memory) = &self.memory else { return latencies::read(client, &self.stack, start, end).await };
        let trend = memory.lock().trend.clone();
        let (services, trend) = latencies::with_trend(client, &self.stack, start, end, trend).await?;
        if self.at.is_none() {
            memory.lock().trend = trend;
        }
        Ok(services)
    }

    async fn events(&self, now: Timestamp) -> Result<Vec<events::StoredEvent>, AwsError> {
        let (client, table) = (&self.clients.dynamodb, &self.stack.tables.events);
        if let Some(at) = self.at {
            return events::until(client, table, at, self.events).await;
        }
        let Some(memory) = &self.memory else { return events::recent(client, table, self.events).await };
        let known = memory.lock().events.clone();
        let known = events::refresh(client, table, self.events, known.as_ref(), now).await?;
        let latest = known.events.clone();
        memory.lock().events = Some(known);
        Ok(latest)
    }
}

/// Reads every source once, all at the same time.
pub async fn collect(fetch: &Fetch) -> Snapshot {
    let start = Timestamp::now();
    let mut snapshot = fetch.empty(start);
    let mut updates: FuturesUnordered<_> = SourceName::ALL.into_iter().map(|source| fetch.one(source, start)).collect();
    while let Some(update) = updates.next().await {
        snapshot.apply(update, fetch.looks_at().unwrap_or_else(Timestamp::now));
    }
    snapshot
}
