//! The sources of a snapshot, and what a fetch of each brings.

use std::fmt;

use serde::Serialize;

use crate::aws::AwsError;
use crate::aws::alarms::Alarm;
use crate::aws::dead_letters::DeadLetterQueue;
use crate::aws::events::StoredEvent;
use crate::aws::functions::StageFunction;
use crate::aws::latencies::ServiceLatency;
use crate::aws::metrics::StageMetrics;

/// The sources of a snapshot, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceName {
    /// The stack's alarms: one call.
    Alarms,
    /// The dead letter queues: one call a queue, and up to five more to look into one that is not empty.
    DeadLetters,
    /// The latest events: three queries.
    Events,
    /// The functions' metrics: three calls a stage while all is calm, else seven.
    Metrics,
    /// X-Ray's service graph: one call, and two for the trend.
    Latencies,
    /// Functions and rules: two calls a stage.
    Functions,
}

impl SourceName {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 6] =
        [Self::Alarms, Self::DeadLetters, Self::Events, Self::Metrics, Self::Latencies, Self::Functions];

    /// Its name for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alarms => "alarms",
            Self::DeadLetters => "dead letters",
            Self::Events => "events",
            Self::Metrics => "metrics",
            Self::Latencies => "latencies",
            Self::Functions => "functions",
        }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What a fetch brought.
#[derive(Debug, Clone)]
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

impl Update {
    /// The source that it is of.
    pub const fn source(&self) -> SourceName {
        match self {
            Self::Alarms(_) => SourceName::Alarms,
            Self::DeadLetters(_) => SourceName::DeadLetters,
            Self::Functions(_) => SourceName::Functions,
            Self::Metrics(_) => SourceName::Metrics,
            Self::Latencies(_) => SourceName::Latencies,
            Self::Events(_) => SourceName::Events,
        }
    }

    /// Why there are no data.
    pub fn error(&self) -> Option<&AwsError> {
        match self {
            Self::Alarms(result) => result.as_ref().err(),
            Self::DeadLetters(result) => result.as_ref().err(),
            Self::Functions(result) => result.as_ref().err(),
            Self::Metrics(result) => result.as_ref().err(),
            Self::Latencies(result) => result.as_ref().err(),
            Self::Events(result) => result.as_ref().err(),
        }
    }
}
