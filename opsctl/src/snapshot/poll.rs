//! When to read which source: a state machine without a clock, a network or a task of its own.
//!
//! Whoever drives it asks [`Poller::due`], starts what it names, and reports every end to [`Poller::finished`]. A source is
//! never read twice at a time; after a failure it waits longer, by the kind of the failure; and no more calls are started
//! than a part of what AWS allows the account.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::budget::Budget;
use super::cost::Usage;
use super::schedule::{Schedule, usual_calls};
use super::{SourceName, Update};
use crate::aws::AwsErrorKind;
use crate::aws::calls::ApiCalls;
use crate::feed::random::Random;
use crate::human;

/// An attempt that has not ended by then is given up: each of its calls ends after 30 s at the latest.
const LOST_AFTER: SignedDuration = SignedDuration::from_secs(60);
/// How fast and how slow it can be made, as a factor of every interval.
const STRETCH: (f64, f64) = (0.25, 16.0);
/// The month of the prices: 30 days.
const MONTH_SECONDS: f64 = 30.0 * 86_400.0;
/// The first attempts at a source are not what it usually costs.
const WARM_UP: u32 = 1;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The data are there.
    Ok,
    /// They are not.
    Failed(AwsErrorKind),
}

impl Outcome {
    /// How the attempt that brought this ended.
    pub fn of(update: &Update) -> Self {
        update.error().map_or(Self::Ok, |error| Self::Failed(error.kind))
    }
}

/// How the polling of a source stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PollState {
    /// The time from one start to the next, when all is well.
    pub interval_seconds: f64,
    /// When it was started last.
    pub last_started: Option<Timestamp>,
    /// Since when it runs, when it does.
    pub in_flight_since: Option<Timestamp>,
    /// When it is due; none while it runs or all is paused.
    pub next_due: Option<Timestamp>,
    /// Why it waits longer than its interval.
    pub backoff: Option<Backoff>,
}

/// Why and until when a source is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Backoff {
    /// What the last attempt failed with.
    pub kind: AwsErrorKind,
    /// How many attempts in a row have failed.
    pub failures: u32,
    /// Not tried again before.
    pub until: Timestamp,
}

impl Backoff {
    /// The same in a few words: `throttled 3 times, again in 40 s`.
    pub fn describe(&self, now: Timestamp) -> String {
        let what = match self.kind {
            AwsErrorKind::Throttled => "throttled",
            AwsErrorKind::Denied => "denied",
            AwsErrorKind::Unreachable => "unreachable",
            AwsErrorKind::NotFound => "not found",
            AwsErrorKind::Expired => "signed out",
            AwsErrorKind::ClockSkew => "clock off",
            AwsErrorKind::NotKept | AwsErrorKind::Other => "failed",
        };
        let times = if self.failures > 1 { format!(" {} times", self.failures) } else { String::new() };
        match self.until.duration_since(now).as_secs() {
            ..1 => format!("{what}{times}, again now"),
            seconds @ 1..60 => format!("{what}{times}, again in {seconds} s"),
            _ => format!("{what}{times}, again in {}", human::since(now, self.until)),
        }
    }
}

/// What the polling uses and costs. The monthly figures are for a whole month at the present rate, which nobody looks at a
/// screen for: they are an upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Meter {
    /// Calls within the last minute.
    pub calls_per_minute: u64,
    /// Calls since the beginning.
    pub calls_total: u64,
    /// What those cost in dollars where no free tier is left.
    pub session_dollars: f64,
    /// Dollars a month where nothing else in the account uses the free tier.
    pub month_dollars_with_free_tier: f64,
    /// Dollars a month where no free tier is left.
    pub month_dollars_without: f64,
}

#[derive(Debug, Clone, Default)]
struct Entry {
    last_started: Option<Timestamp>,
    in_flight: bool,
    /// Wanted at once, whatever the schedule says.
    wanted: bool,
    backoff: Option<Backoff>,
    /// Held back until then, because AWS's limit is near.
    held_until: Option<Timestamp>,
    finished: u32,
    /// The calls of the last attempt that is typical.
    usual: Vec<ApiCalls>,
}

/// Decides when to read which source.
#[derive(Debug, Clone)]
pub struct Poller {
    schedule: Schedule,
    entries: [Entry; SourceName::ALL.len()],
    visible: Vec<SourceName>,
    stretch: f64,
    paused: bool,
    budget: Budget,
    random: Random,
    now: Timestamp,
    calls_total: u64,
    /// The calls of the last minute.
    recent: VecDeque<(Timestamp, u64)>,
    used: Usage,
}

impl Poller {
    /// Nothing read yet: everything is due. `seed` spreads the retries of several screens, any number will do.
    pub fn new(schedule: Schedule, seed: u64) -> Self {
        Self {
            schedule,
            entries: SourceName::ALL.map(|source| Entry { usual: usual_calls(source), ..Entry::default() }),
            visible: SourceName::ALL.to_vec(),
            stretch: 1.0,
            paused: false,
            budget: Budget::default(),
            random: Random::new(seed),
            now: Timestamp::MIN,
            calls_total: 0,
            recent: VecDeque::new(),
            used: Usage::default(),
        }
    }

    /// What to start now, the most urgent first; from here on it counts as running. `visible` are the sources that the
    /// screen shows.
    pub fn due(&mut self, now: Timestamp, visible: &[SourceName]) -> Vec<SourceName> {
        self.now = now;
        visible.clone_into(&mut self.visible);
        let mut start = Vec::new();
        for source in SourceName::ALL {
            if self.due_at(source).is_none_or(|at| at > now) {
                continue;
            }
            let calls = self.entry(source).usual.clone();
            let ready = self.budget.ready_at(&calls, now);
            let entry = self.entry_mut(source);
            if ready > now {
                entry.held_until = Some(ready);
                continue;
            }
            entry.held_until = None;
            entry.wanted = false;
            entry.in_flight = true;
            entry.last_started = Some(now);
            start.push(source);
        }
        start
    }

    /// An attempt ended: how, and with which calls.
    pub fn finished(&mut self, source: SourceName, outcome: Outcome, calls: &[ApiCalls], now: Timestamp) {
        self.spent(calls, now);
        let interval = self.schedule.interval(source, self.is_visible(source), self.stretch);
        let failures = self.entry(source).backoff.map_or(0, |backoff| backoff.failures) + 1;
        let backoff = match outcome {
            Outcome::Ok => None,
            Outcome::Failed(kind) => {
                let wait = self.wait(kind, failures, interval);
                Some(Backoff { kind, failures, until: now.checked_add(wait).unwrap_or(Timestamp::MAX) })
            }
        };
        let entry = self.entry_mut(source);
        entry.in_flight = false;
        entry.backoff = backoff;
        if outcome == Outcome::Ok {
            entry.finished = entry.finished.saturating_add(1);
            if entry.finished > WARM_UP && !calls.is_empty() {
                entry.usual = calls.to_vec();
            }
        }
    }

    /// Calls that were made besides the schedule: they count for the budget and the price.
    pub fn spent(&mut self, calls: &[ApiCalls], now: Timestamp) {
        self.now = self.now.max(now);
        self.budget.take(calls, now);
        self.used.add(calls, 1.0);
        let number: u64 = calls.iter().map(|calls| calls.calls).sum();
        self.calls_total += number;
        self.recent.push_back((now, number));
        while self.recent.front().is_some_and(|(at, _)| self.now.duration_since(*at) >= SignedDuration::from_mins(1)) {
            self.recent.pop_front();
        }
    }

    /// When [`Poller::due`] should be asked again; none while there is nothing to wait for but the end of an attempt.
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        SourceName::ALL.into_iter().filter_map(|source| self.due_at(source)).min().map(|at| at.max(now))
    }

    /// Reads everything at once, also what is paused or waits after a failure.
    pub fn refresh_now(&mut self) {
        for entry in &mut self.entries {
            entry.wanted = true;
        }
    }

    /// Twice as often, up to four times.
    pub fn faster(&mut self) {
        self.stretch = (self.stretch / 2.0).max(STRETCH.0);
    }

    /// Half as often, down to a sixteenth.
    pub fn slower(&mut self) {
        self.stretch = (self.stretch * 2.0).min(STRETCH.1);
    }

    /// How much slower than the schedule it is: 1 is as planned, 0.5 twice as often.
    pub fn stretch(&self) -> f64 {
        self.stretch
    }

    /// Starts nothing until [`Poller::resume`] or [`Poller::refresh_now`].
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// Goes on after [`Poller::pause`]; what became due meanwhile is due at once.
    pub fn resume(&mut self) {
        self.paused = false;
    }

    /// True after [`Poller::pause`].
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// How the polling of a source stands.
    pub fn state(&self, source: SourceName) -> PollState {
        let entry = self.entry(source);
        PollState {
            interval_seconds: self.schedule.interval(source, self.is_visible(source), self.stretch).as_secs_f64(),
            last_started: entry.last_started,
            in_flight_since: entry.last_started.filter(|_| entry.in_flight),
            next_due: if entry.in_flight { None } else { self.due_at(source) },
            backoff: entry.backoff,
        }
    }

    /// What the polling uses and costs.
    pub fn meter(&self) -> Meter {
        let minute_ago = self.now.checked_sub(SignedDuration::from_mins(1)).unwrap_or(Timestamp::MIN);
        let mut month = Usage::default();
        for source in SourceName::ALL.into_iter().filter(|_| !self.paused) {
            let interval = self.schedule.interval(source, self.is_visible(source), self.stretch);
            month.add(&self.entry(source).usual, MONTH_SECONDS / interval.as_secs_f64());
        }
        Meter {
            calls_per_minute: self.recent.iter().filter(|(at, _)| *at > minute_ago).map(|(_, number)| number).sum(),
            calls_total: self.calls_total,
            session_dollars: self.used.dollars(),
            month_dollars_with_free_tier: month.dollars_beyond_free(),
            month_dollars_without: month.dollars(),
        }
    }

    /// When a source is due; none while it runs, unless it has run for too long, and while all is paused.
    fn due_at(&self, source: SourceName) -> Option<Timestamp> {
        let entry = self.entry(source);
        let Some(last) = entry.last_started else {
            return (!self.paused || entry.wanted).then(|| entry.held_until.unwrap_or(Timestamp::MIN));
        };
        if entry.in_flight {
            return last.checked_add(LOST_AFTER).ok().filter(|_| !self.paused);
        }
        let due = if entry.wanted {
            last
        } else if self.paused {
            return None;
        } else {
            let due = self.schedule.next(source, self.is_visible(source), self.stretch, last);
            due.max(entry.backoff.map_or(due, |backoff| backoff.until))
        };
        Some(due.max(entry.held_until.unwrap_or(due)))
    }

    /// How long to leave a source alone that failed for the `failures`th time in a row.
    fn wait(&mut self, kind: AwsErrorKind, failures: u32, interval: SignedDuration) -> SignedDuration {
        let seconds = SignedDuration::from_secs;
        let (first, most) = match kind {
            // Each retry that is throttled too makes it worse for everybody.
            AwsErrorKind::Throttled => (interval * 2, seconds(300)),
            // A person has to do something first, and then does not want to wait for long.
            AwsErrorKind::Denied | AwsErrorKind::Expired | AwsErrorKind::ClockSkew => (seconds(30), seconds(120)),
            // The network comes back when it comes back, and asking costs nothing.
            AwsErrorKind::Unreachable => (seconds(5), seconds(30)),
            AwsErrorKind::NotFound | AwsErrorKind::NotKept | AwsErrorKind::Other => (interval, seconds(120)),
        };
        let doubled = first.checked_mul(1 << (failures - 1).min(10)).unwrap_or(most).min(most);
        // Between half and all of it, so that several screens do not come back together.
        let spread = self.random.between(500, 1_000);
        let wait = SignedDuration::from_millis(i64::try_from(doubled.as_millis()).unwrap_or(i64::MAX) / 1_000 * spread);
        wait.max(interval)
    }

    fn is_visible(&self, source: SourceName) -> bool {
        self.visible.contains(&source)
    }

    fn entry(&self, source: SourceName) -> &Entry {
        &self.entries[source as usize]
    }

    fn entry_mut(&mut self, source: SourceName) -> &mut Entry {
        &mut self.entries[source as usize]
    }
}
