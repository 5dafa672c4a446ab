//! What goes on: one change at a time.

use jiff::Timestamp;

use crate::change::Change;
use crate::redrive::Progress;

/// How far it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// What its preview needs is being read: so many letters so far.
    Reading(u64),
    /// It is previewed; nothing goes on until there is an answer.
    Asking,
    /// It is being done; how far is known only of a redrive.
    Doing(Option<Progress>),
}

/// What goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// The change.
    pub change: Change,
    /// What is done; stands alone.
    pub what: String,
    /// Its run in the journal, once it has one.
    pub run: Option<String>,
    /// How far it is.
    pub phase: Phase,
    /// When that began.
    pub since: Timestamp,
    /// Somebody asked to stop.
    pub stopping: bool,
}

impl Work {
    /// Reading begins.
    pub fn reading(change: Change, what: String, now: Timestamp) -> Self {
        Self { change, what, run: None, phase: Phase::Reading(0), since: now, stopping: false }
    }

    /// True while something is under way that must not simply be left: letters in hand, calls without their answer.
    pub fn is_busy(&self) -> bool {
        self.phase != Phase::Asking
    }

    /// How far a redrive is.
    pub fn progress(&self) -> Option<&Progress> {
        match &self.phase {
            Phase::Doing(progress) => progress.as_ref(),
            Phase::Reading(_) | Phase::Asking => None,
        }
    }

    /// Letters a second, and the seconds that the rest will take at that rate; none before anything can be said.
    pub fn pace(&self, now: Timestamp) -> Option<(f64, f64)> {
        let progress = self.progress()?;
        let done = progress.redriven + progress.given_up;
        let seconds = now.duration_since(self.since).as_secs_f64();
        if done == 0 || seconds <= 0.0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "letters of a queue are few")]
        let (rate, rest) = (done as f64 / seconds, progress.total.saturating_sub(done) as f64);
        Some((rate, rest / rate))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn the_rest_takes_as_long_as_what_was_done_says() {
        let now = Timestamp::UNIX_EPOCH;
        let mut work = Work::reading(Change::Redrive, "reading".to_owned(), now);
        let later = now + SignedDuration::from_secs(10);
        assert_eq!(work.pace(later), None);
        let progress = |redriven, given_up| Progress { total: 100, redriven, given_up, ..Progress::default() };
        work.phase = Phase::Doing(Some(progress(0, 0)));
        assert_eq!(work.pace(later), None, "nothing is known from nothing");
        work.phase = Phase::Doing(Some(progress(18, 2)));
        assert_eq!(work.pace(later), Some((2.0, 40.0)));
        assert_eq!(work.pace(now), None, "no time has passed");
    }
}
