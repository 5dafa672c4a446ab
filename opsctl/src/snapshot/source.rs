//! One source of knowledge: its last good data, their age, and what is wrong with it now.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::aws::{AwsError, AwsErrorKind};

/// One source of knowledge. The last good data stay, with their age and the error beside them; what was never read is
/// nothing, not zero.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Source<T> {
    /// The last good data.
    pub data: Option<T>,
    /// When they were read.
    pub fetched_at: Option<Timestamp>,
    /// Why the last attempt failed; none when it succeeded.
    pub error: Option<SourceError>,
    /// From this age on the data are late.
    pub late_after_seconds: u32,
    /// From this age on they say nothing about now.
    pub stale_after_seconds: u32,
}

/// Why a source could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceError {
    /// When that was.
    pub at: Timestamp,
    /// What kind of failure it is.
    pub kind: AwsErrorKind,
    /// What failed, on what, and why.
    pub message: String,
    /// Why alone: the same for every source that failed for it.
    pub cause: String,
    /// What to do about it.
    pub help: String,
}

/// How much the data of a source say about now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// Never read.
    Unknown,
    /// As good as now.
    Fresh,
    /// A refresh or two was missed.
    Late,
    /// Says nothing about now.
    Stale,
}

impl<T> Source<T> {
    /// A source that was never read, with its two age thresholds in seconds.
    pub const fn new(late_after_seconds: u32, stale_after_seconds: u32) -> Self {
        Self { data: None, fetched_at: None, error: None, late_after_seconds, stale_after_seconds }
    }

    /// Takes the result of an attempt. An older attempt than the last is dropped: the latest wins.
    pub fn record(&mut self, result: Result<T, AwsError>, at: Timestamp) {
        let last = self.fetched_at.max(self.error.as_ref().map(|error| error.at));
        if last.is_some_and(|last| at < last) {
            return;
        }
        match result {
            Ok(data) => {
                self.data = Some(data);
                self.fetched_at = Some(at);
                self.error = None;
            }
            Err(error) => {
                let (message, cause, help) = (error.to_string(), error.cause(), error.help().to_owned());
                self.error = Some(SourceError { at, kind: error.kind, message, cause, help });
            }
        }
    }

    /// True until it was read, or could not be.
    pub const fn is_awaited(&self) -> bool {
        self.fetched_at.is_none() && self.error.is_none()
    }

    /// True when the past was asked for and AWS keeps only the present.
    pub fn is_not_kept(&self) -> bool {
        self.error.as_ref().is_some_and(|error| error.kind == AwsErrorKind::NotKept)
    }

    /// True when it says nothing about `now` and could: what AWS keeps only of the present is not missed in the past.
    pub(super) fn is_blind(&self, now: Timestamp) -> bool {
        !self.is_not_kept() && matches!(self.freshness(now), Freshness::Unknown | Freshness::Stale)
    }

    /// How much the data say about `now`.
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        let Some(at) = self.fetched_at else { return Freshness::Unknown };
        let age = now.duration_since(at);
        let reached = |seconds: u32| age >= SignedDuration::from_secs(i64::from(seconds));
        if reached(self.stale_after_seconds) {
            Freshness::Stale
        } else if reached(self.late_after_seconds) {
            Freshness::Late
        } else {
            Freshness::Fresh
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn good_data_stay_beside_a_later_error() {
        let mut source = Source::new(10, 60);
        source.record(Ok(7), at(100));
        source.record(Err(AwsError::unusable("count", "no answer")), at(105));
        assert_eq!(source.data, Some(7));
        assert_eq!(source.error.as_ref().map(|error| error.at), Some(at(105)));
        source.record(Ok(8), at(110));
        assert_eq!((source.data, &source.error), (Some(8), &None));
    }

    #[test]
    fn an_answer_that_was_overtaken_is_dropped() {
        let mut source = Source::new(10, 60);
        source.record(Ok(8), at(110));
        source.record(Ok(7), at(100));
        assert_eq!(source.data, Some(8));
    }

    #[test]
    fn data_age() {
        let mut source = Source::new(10, 60);
        assert_eq!(source.freshness(at(0)), Freshness::Unknown);
        source.record(Ok(()), at(100));
        let ages = [(100, Freshness::Fresh), (110, Freshness::Late), (160, Freshness::Stale)];
        for (now, freshness) in ages {
            assert_eq!(source.freshness(at(now)), freshness);
        }
    }
}
