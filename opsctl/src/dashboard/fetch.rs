//! Reading from AWS for the dashboard: what is due when, and what a page wants.

use std::time::Duration;

use jiff::Timestamp;

use super::pages::{Loaded, Topic};
use super::polling::Polling;
use crate::aws::calls::{self, ApiCalls};
use crate::aws::traces::{self, TraceQuery};
use crate::aws::{AwsError, alarms, dead_letters, events};
use crate::snapshot::{Fetch, Outcome, Poller, Schedule, SourceName, Update};

/// So many letters of a queue are looked at for a page.
const LETTERS: u64 = 50;
/// At most so many changes of an alarm are shown.
const TRANSITIONS: usize = 100;
/// At most so many traces are shown, of so long: X-Ray charges each that it looks at.
const TRACES: usize = 100;
const TRACED: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
/// So far back an alarm's history is shown.
const HISTORY: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// What a task brings back.
#[derive(Debug)]
pub enum Done {
    /// A source was read, or could not be.
    Read {
        /// What it brought.
        update: Update,
        /// The calls that it took.
        calls: Vec<ApiCalls>,
        /// Which time it is about; none is the present.
        looked_at: Option<Timestamp>,
    },
    /// What a page wanted.
    Loaded {
        /// What the page is about.
        topic: Topic,
        /// What was read.
        result: Result<Loaded, AwsError>,
        /// The calls that it took.
        calls: Vec<ApiCalls>,
    },
    /// Something was done.
    Said(String),
    /// Something could not be done.
    Failed(String),
}

/// Knows what is to be read when. What reads is a [`Task`].
#[derive(Debug)]
pub struct Fetcher {
    fetch: Fetch,
    poller: Poller,
}

/// Reads one thing.
#[derive(Debug)]
pub struct Task {
    fetch: Fetch,
}

impl Fetcher {
    /// Nothing was read yet: everything is due.
    pub fn new(fetch: Fetch) -> Self {
        let mut poller = Poller::new(Schedule::default(), u64::from(std::process::id()));
        if fetch.looks_at().is_some() {
            freeze(&mut poller);
        }
        Self { fetch: fetch.repeatedly(), poller }
    }

    /// What to read now, when the screen shows those; from here on it counts as being read.
    pub fn due(&mut self, now: Timestamp, visible: &[SourceName]) -> Vec<SourceName> {
        self.poller.due(now, visible)
    }

    /// Waits until something is due.
    pub async fn wait(&self) {
        let now = Timestamp::now();
        match self.poller.next_due(now) {
            // Never without a breath in between, however much is due.
            Some(next) => {
                let wait = Duration::try_from(next.duration_since(now)).unwrap_or_default();
                tokio::time::sleep(wait.max(Duration::from_millis(10))).await;
            }
            None => std::future::pending().await,
        }
    }

    /// A read has ended. Returns what it brought and when that holds; none when another time is shown by now.
    pub fn finished(
        &mut self,
        update: Update,
        calls: &[ApiCalls],
        looked_at: Option<Timestamp>,
    ) -> Option<(Update, Timestamp)> {
        let now = Timestamp::now();
        self.poller.finished(update.source(), Outcome::of(&update), calls, now);
        (looked_at == self.fetch.looks_at()).then(|| (update, looked_at.unwrap_or(now)))
    }

    /// Calls were made for a page.
    pub fn spent(&mut self, calls: &[ApiCalls]) {
        self.poller.spent(calls, Timestamp::now());
    }

    /// Everything is due.
    pub fn refresh(&mut self) {
        self.poller.refresh_now();
    }

    /// Reads twice as often.
    pub fn faster(&mut self) {
        self.poller.faster();
    }

    /// Reads half as often.
    pub fn slower(&mut self) {
        self.poller.slower();
    }

    /// Looks at another time. The past is read once: it does not change.
    pub fn travel(&mut self, at: Option<Timestamp>) {
        self.fetch = self.fetch.at(at);
        if at.is_some() {
            freeze(&mut self.poller);
        } else {
            self.poller.resume();
            self.poller.refresh_now();
        }
    }

    /// How the polling stands.
    pub fn polling(&self) -> Polling {
        let backoff = |source| Some((source, self.poller.state(source).backoff?));
        Polling {
            meter: Some(self.poller.meter()),
            stretch: Some(self.poller.stretch()),
            backoffs: SourceName::ALL.into_iter().filter_map(backoff).collect(),
        }
    }

    /// What a task needs.
    pub fn task(&self) -> Task {
        Task { fetch: self.fetch.clone() }
    }
}

fn freeze(poller: &mut Poller) {
    poller.pause();
    poller.refresh_now();
}

impl Task {
    /// Reads a source.
    pub async fn read(self, source: SourceName, now: Timestamp) -> Done {
        let (update, calls) = self.fetch.counted(source, now).await;
        Done::Read { update, calls, looked_at: self.fetch.looks_at() }
    }

    /// Reads what a page wants.
    pub async fn load(self, topic: Topic) -> Done {
        let (result, calls) = calls::count(self.loaded(&topic)).await;
        Done::Loaded { topic, result, calls }
    }

    async fn loaded(&self, topic: &Topic) -> Result<Loaded, AwsError> {
        let (clients, stack) = (self.fetch.clients(), self.fetch.stack());
        match topic {
            Topic::Letters(name) => {
                let letters = dead_letters::peek(&clients.sqs, *name, stack.stages.get(*name), LETTERS).await?;
                Ok(Loaded::Letters(letters))
            }
            Topic::Event(id) => Ok(Loaded::Event(Box::new(events::detail(clients, stack, id).await?))),
            Topic::Traces(service) => {
                let end = self.fetch.looks_at().unwrap_or_else(Timestamp::now);
                let start = end.checked_sub(TRACED).unwrap_or(Timestamp::MIN);
                let query = TraceQuery { service: Some(service.clone()), ..TraceQuery::between(start, end, TRACES) };
                Ok(Loaded::Traces(traces::list(&clients.xray, stack, &query).await?))
            }
            Topic::Trace(id) => Ok(Loaded::Trace(traces::read(&clients.xray, id).await?)),
            Topic::Alarm(name) => {
                let until = self.fetch.looks_at().unwrap_or_else(Timestamp::now);
                let since = until.checked_sub(HISTORY).unwrap_or(Timestamp::MIN);
                Ok(Loaded::History(alarms::history(&clients.cloudwatch, name, since, until, TRANSITIONS).await?))
            }
            Topic::Stage(_) | Topic::Letter(_) | Topic::Report(_) => Ok(Loaded::Nothing),
        }
    }
}
