//! The rows of each panel's list, as the cursor and the views see them.

use super::cursor::Rows;
use crate::aws::alarms::{Alarm, AlarmState};
use crate::aws::dead_letters::{Cause, DeadLetterQueue};
use crate::aws::events::StoredEvent;
use crate::aws::latencies::ServiceLatency;
use crate::snapshot::Finding;
use crate::stack::StageName;

/// A panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Panel {
    /// What is wrong.
    Verdict,
    /// The three stages.
    Pipeline,
    /// The alarms.
    Alarms,
    /// The dead letters.
    Letters,
    /// X-Ray's latencies.
    Latencies,
    /// The recent events.
    Events,
}

impl Panel {
    /// All, by their number.
    pub const ALL: [Self; 6] =
        [Self::Verdict, Self::Pipeline, Self::Alarms, Self::Letters, Self::Latencies, Self::Events];

    /// Its number, which is also the key that goes to it.
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|panel| *panel == self).unwrap_or_default()
    }

    /// Its name, as commands and exported files have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verdict => "verdict",
            Self::Pipeline => "pipeline",
            Self::Alarms => "alarms",
            Self::Letters => "dead-letters",
            Self::Latencies => "latencies",
            Self::Events => "events",
        }
    }

    /// The panel of that name, or of a name that begins so.
    pub fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|panel| !text.is_empty() && panel.name().starts_with(text))
    }

    /// The panel where a finding of that lint is seen.
    pub fn of_lint(lint: &str) -> Self {
        match lint {
            "dead-letters" | "events-lost" => Self::Letters,
            "events-stuck" => Self::Events,
            lint if lint.starts_with("alarm-") => Self::Alarms,
            lint if lint.starts_with("source-") => Self::Verdict,
            _ => Self::Pipeline,
        }
    }
}

/// The rows of a list, whichever it is.
#[derive(Debug)]
pub enum List<'a> {
    /// Nothing to select.
    None,
    /// The verdict's findings.
    Findings(&'a [Finding]),
    /// The stages.
    Stages,
    /// The alarms.
    Alarms(Vec<&'a Alarm>),
    /// Queues and causes.
    Letters(Vec<LetterRow<'a>>),
    /// Services.
    Services(&'a [ServiceLatency]),
    /// Events.
    Events(Vec<&'a StoredEvent>),
    /// So many rows, known by their number only.
    Lines(usize),
    /// Rows with their keys.
    Keyed(Vec<String>),
}

/// A row of the dead letters: a queue, or one of its causes below it.
#[derive(Debug, Clone, Copy)]
pub struct LetterRow<'a> {
    /// The queue.
    pub queue: &'a DeadLetterQueue,
    /// The cause; none on the queue's own row.
    pub cause: Option<&'a Cause>,
}

/// The alarms, what a person must see first: ringing, missing, muted, without data, ok; of the same kind the latest first.
pub fn alarms(alarms: &[Alarm]) -> Vec<&Alarm> {
    let mut sorted: Vec<&Alarm> = alarms.iter().collect();
    sorted.sort_by_key(|alarm| {
        let urgency = match alarm.state {
            AlarmState::Alarm => 0,
            AlarmState::Missing => 1,
            _ if !alarm.actions_enabled => 2,
            AlarmState::InsufficientData => 3,
            AlarmState::Ok => 4,
        };
        (urgency, std::cmp::Reverse(alarm.since), &alarm.name)
    });
    sorted
}

/// Queues that hold something, each followed by its causes.
pub fn letters(queues: &[DeadLetterQueue]) -> Vec<LetterRow<'_>> {
    let full = queues.iter().filter(|queue| queue.depth > 0 || queue.in_flight > 0);
    full.flat_map(|queue| {
        let causes = queue.causes.iter().map(move |cause| LetterRow { queue, cause: Some(cause) });
        std::iter::once(LetterRow { queue, cause: None }).chain(causes)
    })
    .collect()
}

impl List<'_> {
    /// The stage that a row is of.
    pub fn stage(&self, index: usize) -> Option<StageName> {
        match self {
            Self::Findings(findings) => findings.get(index)?.stage,
            Self::Stages => StageName::ALL.get(index).copied(),
            Self::Alarms(alarms) => alarms.get(index)?.stage,
            Self::Letters(rows) => Some(rows.get(index)?.queue.stage),
            Self::None | Self::Services(_) | Self::Events(_) | Self::Lines(_) | Self::Keyed(_) => None,
        }
    }
}

impl Rows for List<'_> {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Findings(findings) => findings.len(),
            Self::Stages => StageName::ALL.len(),
            Self::Alarms(alarms) => alarms.len(),
            Self::Letters(rows) => rows.len(),
            Self::Services(services) => services.len(),
            Self::Events(events) => events.len(),
            Self::Lines(count) => *count,
            Self::Keyed(keys) => keys.len(),
        }
    }

    fn key(&self, index: usize) -> String {
        match self {
            // Messages have numbers in them that move with every refresh.
            Self::Findings(findings) => format!("{}/{:?}", findings[index].lint, findings[index].stage),
            Self::Alarms(alarms) => alarms[index].name.clone(),
            Self::Letters(rows) => {
                let LetterRow { queue, cause } = rows[index];
                let cause = cause.map(|cause| format!("/{:?}/{}/{}", cause.origin, cause.code, cause.example));
                format!("{}{}", queue.stage, cause.unwrap_or_default())
            }
            Self::Services(services) => services[index].name.clone(),
            Self::Events(events) => format!("{}@{}", events[index].event_id, events[index].timestamp),
            Self::Keyed(keys) => keys[index].clone(),
            Self::None | Self::Stages | Self::Lines(_) => index.to_string(),
        }
    }

    fn is(&self, index: usize, key: &str) -> bool {
        match self {
            // Ten thousand of them are compared while one is looked for.
            Self::Events(events) => {
                let event = events[index];
                key.strip_prefix(event.event_id.as_str())
                    .and_then(|rest| rest.strip_prefix('@'))
                    .is_some_and(|timestamp| timestamp == event.timestamp)
            }
            _ => self.key(index) == key,
        }
    }
}
