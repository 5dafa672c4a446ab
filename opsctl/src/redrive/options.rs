//! How a redrive is to be done. It is saved with the run, so that a resumed run goes on as it began.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use serde::{Deserialize, Serialize};

use super::machine::Limits;
use crate::letters::HOLD;

/// Where an event is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// To the stage's function, with the same envelope: nobody else sees it again
    #[default]
    Function,
    /// To the event bus: its rule matches again, the archive keeps it again
    Bus,
}

/// What counts as proof that an event was delivered, so that its letter may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// Lambda, or the bus, has accepted it: it is durable there, and if the stage fails it becomes a dead letter again
    #[default]
    Accepted,
    /// The stage's audit trail says that it is through with it; slower, the letter stays until then
    Audit,
}

/// How a redrive is to be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Where events are sent.
    pub via: Via,
    /// What is waited for before a letter is deleted.
    pub verify: Verify,
    /// Most events a second; none is as fast as it goes.
    pub rate: Option<f64>,
    /// Events sent at once.
    pub concurrency: u16,
    /// Seconds for which a letter in hand is hidden from others; it is extended while it is needed.
    pub hold_seconds: u32,
    /// Seconds to wait for the stage's word, with [`Verify::Audit`].
    pub verify_seconds: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            via: Via::Function,
            verify: Verify::Accepted,
            rate: None,
            concurrency: 16,
            hold_seconds: 60,
            verify_seconds: 60,
        }
    }
}

/// Sends, or deletes, of one letter before it is given up. The SDK has tried each four times by itself.
const ATTEMPTS: u32 = 8;
/// Letters given up in a row before everything is.
const FAILURES_IN_A_ROW: u32 = 20;
/// In hand at once at most; SQS allows 120,000 in flight in a queue.
const MOST_IN_HAND: usize = 1_000;
/// Held back at once at most, so that together they stay below what SQS allows.
const MOST_HELD: usize = 100_000;

impl Options {
    /// The time between two ticks of the machine: a 60th of the time that a letter is hidden, at most a second.
    pub fn tick(&self) -> Duration {
        (self.hold() / 60).clamp(Duration::from_millis(100), Duration::from_secs(1))
    }

    /// For how long a letter in hand is hidden.
    pub fn hold(&self) -> Duration {
        Duration::from_secs(self.hold_seconds.into())
    }

    /// What the machine may do at once.
    pub(super) fn limits(&self) -> Limits {
        let concurrency = usize::from(self.concurrency.max(1));
        let ticks = |time: Duration| u32::try_from(time.as_millis() / self.tick().as_millis()).unwrap_or(u32::MAX);
        let in_hand = match self.verify {
            // Enough for the next receive while all senders are busy.
            Verify::Accepted => concurrency * 4 + 20,
            Verify::Audit => MOST_IN_HAND,
        };
        Limits {
            concurrency,
            receives: (concurrency / 4).clamp(1, 8),
            in_hand: in_hand.min(MOST_IN_HAND),
            held: MOST_HELD,
            attempts: ATTEMPTS,
            failures_in_a_row: FAILURES_IN_A_ROW,
            extend_after: ticks(self.hold() / 3).max(1),
            // Whoever reads the queue, this run's own plan first of all, may fail to give letters back.
            patience: ticks(self.hold().max(HOLD) + Duration::from_secs(5)),
            verify: self.verify == Verify::Audit,
        }
    }
}

/// What differs from the default, as it is given to `opsctl redrive dlq`.
impl fmt::Display for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = Self::default();
        let name = |value: PossibleValue| value.get_name().to_owned();
        let words = [
            ("via", self.via.to_possible_value().map(name).filter(|_| self.via != usual.via)),
            ("verify", self.verify.to_possible_value().map(name).filter(|_| self.verify != usual.verify)),
            ("rate", self.rate.map(|rate| rate.to_string())),
            ("concurrency", Some(self.concurrency.to_string()).filter(|_| self.concurrency != usual.concurrency)),
            ("hold", Some(self.hold_seconds.to_string()).filter(|_| self.hold_seconds != usual.hold_seconds)),
        ];
        let words = words.into_iter().filter_map(|(option, value)| Some(format!("--{option} {}", value?)));
        formatter.write_str(&words.collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_written_as_they_are_given() {
        assert_eq!(Options::default().to_string(), "");
        let options = Options {
            via: Via::Bus,
            verify: Verify::Audit,
            rate: Some(0.5),
            concurrency: 4,
            hold_seconds: 90,
            ..Options::default()
        };
        assert_eq!(options.to_string(), "--via bus --verify audit --rate 0.5 --concurrency 4 --hold 90");
    }

    #[test]
    fn a_letter_that_the_reading_of_the_plan_could_not_give_back_is_waited_for() {
        for hold_seconds in [5, 60, 600] {
            let options = Options { hold_seconds, ..Options::default() };
            let waited = options.tick() * options.limits().patience;
            assert!(waited > HOLD && waited > options.hold(), "{hold_seconds}: {waited:?}");
        }
    }
}
