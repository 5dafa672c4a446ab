//! How often each source is read, and with how many calls.

use jiff::{SignedDuration, Timestamp};

use super::SourceName;
use crate::aws::calls::{Api, ApiCalls};

/// How often each source is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule([Every; SourceName::ALL.len()]);

/// How often one source is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every {
    /// The time from one start to the next while the screen shows it.
    pub shown: SignedDuration,
    /// The same while the screen does not: the verdict wants it all the same.
    pub hidden: SignedDuration,
    /// Read so long after the end of a minute, and not simply a while after the last time: what AWS counts by the minute
    /// is whole only then.
    pub after_minute: Option<SignedDuration>,
}

impl Every {
    const fn seconds(shown: i64, hidden: i64) -> Self {
        Self { shown: SignedDuration::from_secs(shown), hidden: SignedDuration::from_secs(hidden), after_minute: None }
    }
}

impl Default for Schedule {
    /// What a person on call needs, at about $10 for a whole month of it: the tests of [`super::Poller`] have the
    /// arithmetic.
    fn default() -> Self {
        Self(SourceName::ALL.map(|source| match source {
            SourceName::Alarms | SourceName::DeadLetters => Every::seconds(5, 5),
            SourceName::Functions => Every::seconds(60, 60),
            // CloudWatch needs a moment to have the minute that ended.
            SourceName::Metrics => {
                Every { after_minute: Some(SignedDuration::from_secs(10)), ..Every::seconds(60, 60) }
            }
            SourceName::Latencies => Every::seconds(30, 30),
            SourceName::Events => Every::seconds(2, 60),
        }))
    }
}

impl Schedule {
    /// How often a source is read.
    pub const fn of(&self, source: SourceName) -> Every {
        self.0[source as usize]
    }

    /// Reads a source this often, shown or not.
    #[must_use]
    pub fn with(mut self, source: SourceName, every: SignedDuration) -> Self {
        self.0[source as usize] = Every { shown: every, hidden: every, after_minute: None };
        self
    }

    /// When a source that was started at `last` is due again. `stretch` makes all times longer or shorter.
    pub(super) fn next(&self, source: SourceName, shown: bool, stretch: f64, last: Timestamp) -> Timestamp {
        let every = self.of(source);
        let wait = if shown { every.shown } else { every.hidden };
        let wait = stretched(wait, stretch);
        let next = last.checked_add(wait).unwrap_or(Timestamp::MAX);
        match every.after_minute {
            // At other speeds the minutes' ends have no meaning.
            Some(after) if wait.as_secs() > 0 && wait.as_secs() % 60 == 0 => {
                let minute = next.as_second().div_euclid(60) * 60;
                Timestamp::from_second(minute).and_then(|minute| minute.checked_add(after)).unwrap_or(next)
            }
            _ => next,
        }
    }

    /// The time from one start to the next.
    pub(super) fn interval(&self, source: SourceName, shown: bool, stretch: f64) -> SignedDuration {
        let every = self.of(source);
        stretched(if shown { every.shown } else { every.hidden }, stretch)
    }
}

fn stretched(wait: SignedDuration, stretch: f64) -> SignedDuration {
    SignedDuration::try_from_secs_f64(wait.as_secs_f64() * stretch).unwrap_or(wait)
}

/// The calls of one read of a source while nothing is amiss: the first guess, before any was counted. A test compares it
/// with the calls that the readers make.
pub(super) fn usual_calls(source: SourceName) -> Vec<ApiCalls> {
    match source {
        SourceName::Alarms => vec![ApiCalls::new(Api::DescribeAlarms, 1)],
        SourceName::DeadLetters => vec![ApiCalls::new(Api::Sqs, 3)],
        SourceName::Functions => vec![ApiCalls::new(Api::Lambda, 3), ApiCalls::new(Api::EventBridge, 3)],
        SourceName::Metrics => vec![ApiCalls::new(Api::GetMetricStatistics, 9)],
        SourceName::Latencies => vec![ApiCalls::new(Api::GetServiceGraph, 3)],
        // Three queries that find nothing new: half a unit each.
        SourceName::Events => vec![ApiCalls { api: Api::DynamoDb, calls: 3, units: 1.5 }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_read_when_the_minute_is_whole() {
        let schedule = Schedule::default();
        let next =
            |last: &str, stretch| schedule.next(SourceName::Metrics, true, stretch, last.parse().unwrap()).to_string();
        assert_eq!(next("2026-11-22T12:14:30Z", 1.0), "2026-11-22T12:15:10Z");
        assert_eq!(next("2026-11-22T12:15:10Z", 1.0), "2026-11-22T12:16:10Z");
        assert_eq!(next("2026-11-22T12:15:10Z", 2.0), "2026-11-22T12:17:10Z");
        assert_eq!(next("2026-11-22T12:15:10Z", 0.5), "2026-11-22T12:15:40Z");
    }

    #[test]
    fn events_are_read_often_only_while_they_are_shown() {
        let schedule = Schedule::default();
        let interval = |shown| schedule.interval(SourceName::Events, shown, 1.0).as_secs();
        assert_eq!((interval(true), interval(false)), (2, 60));
    }
}
