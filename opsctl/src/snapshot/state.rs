//! The snapshot itself.

use jiff::Timestamp;
use serde::Serialize;

use super::{Source, SourceError, SourceName, Update};
use crate::aws::alarms::Alarm;
use crate::aws::dead_letters::DeadLetterQueue;
use crate::aws::events::StoredEvent;
use crate::aws::functions::StageFunction;
use crate::aws::latencies::ServiceLatency;
use crate::aws::metrics::StageMetrics;
use crate::stack::Stack;

/// Which stack a snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StackIdentity {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The region.
    pub region: String,
    /// The account.
    pub account_id: String,
}

/// What is known of the stack.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// Which stack it is.
    pub stack: StackIdentity,
    /// The past that was looked at; none is the present.
    pub at: Option<Timestamp>,
    /// Now, as far as this snapshot is concerned.
    pub taken_at: Timestamp,
    /// The stack's alarms.
    pub alarms: Source<Vec<Alarm>>,
    /// The dead letter queues.
    pub dead_letters: Source<Vec<DeadLetterQueue>>,
    /// Functions and rules.
    pub functions: Source<Vec<StageFunction>>,
    /// The functions' metrics.
    pub metrics: Source<Vec<StageMetrics>>,
    /// Latencies of functions and what they call.
    pub latencies: Source<Vec<ServiceLatency>>,
    /// The latest events.
    pub events: Source<Vec<StoredEvent>>,
}

impl Snapshot {
    /// A snapshot in which nothing is known yet. The thresholds follow how often a dashboard reads each source.
    pub fn empty(stack: &Stack, now: Timestamp) -> Self {
        Self {
            stack: StackIdentity {
                project: stack.project.clone(),
                environment: stack.environment.clone(),
                region: stack.region.clone(),
                account_id: stack.account_id.clone(),
            },
            at: None,
            taken_at: now,
            alarms: Source::new(15, 60),
            dead_letters: Source::new(15, 60),
            functions: Source::new(180, 600),
            metrics: Source::new(180, 600),
            latencies: Source::new(120, 600),
            events: Source::new(15, 60),
        }
    }

    /// Takes what a fetch brought, as of `at`.
    pub fn apply(&mut self, update: Update, at: Timestamp) {
        match update {
            Update::Alarms(result) => self.alarms.record(result, at),
            Update::DeadLetters(result) => self.dead_letters.record(result, at),
            Update::Functions(result) => self.functions.record(result, at),
            Update::Metrics(result) => self.metrics.record(result, at),
            Update::Latencies(result) => self.latencies.record(result, at),
            Update::Events(result) => self.events.record(result, at),
        }
        self.taken_at = self.taken_at.max(at);
    }

    /// The sources that neither were read nor failed yet: the first answers are waited for.
    pub fn awaited(&self) -> Vec<SourceName> {
        let is_awaited = |source: &SourceName| match source {
            SourceName::Alarms => self.alarms.is_awaited(),
            SourceName::DeadLetters => self.dead_letters.is_awaited(),
            SourceName::Events => self.events.is_awaited(),
            SourceName::Metrics => self.metrics.is_awaited(),
            SourceName::Latencies => self.latencies.is_awaited(),
            SourceName::Functions => self.functions.is_awaited(),
        };
        SourceName::ALL.into_iter().filter(is_awaited).collect()
    }

    /// The errors of the sources that could not be read last time, with the source's name.
    pub fn errors(&self) -> Vec<(&'static str, &SourceError)> {
        [
            ("alarms", &self.alarms.error),
            ("dead letters", &self.dead_letters.error),
            ("functions", &self.functions.error),
            ("metrics", &self.metrics.error),
            ("latencies", &self.latencies.error),
            ("events", &self.events.error),
        ]
        .into_iter()
        .filter_map(|(name, error)| Some((name, error.as_ref()?)))
        .collect()
    }
}
