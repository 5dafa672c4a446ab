//! Publishing events on the bus: in order, ten a call, what failed again, nothing twice.

use std::time::Duration;

use aws_sdk_eventbridge::Client;
use jiff::{SignedDuration, Timestamp};
use market::envelope::{DETAIL_TYPE_RAW, SOURCE_FEED_PREFIX};
use serde::Serialize;
use tokio::time::Instant;

use super::event::FeedEvent;
use super::pace::Pace;
use super::random;
use super::stop::Stop;
use crate::aws::bus::{self, ENTRIES_PER_CALL, Entry, EntryError};
use crate::aws::events::EventKey;
use crate::aws::{AwsError, AwsErrorKind};
use crate::stack::Stack;

/// So often an entry is sent again that the bus could not take, on top of the SDK's own retries of whole calls.
const RETRIES: u32 = 6;
/// The first wait before an entry is sent again.
const BACK_OFF: Duration = Duration::from_millis(100);

/// Which events continue a new X-Ray trace that is sampled for sure; for the others X-Ray's own sampling decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tracing {
    /// None.
    #[default]
    Sampled,
    /// Each of them.
    Every,
}

/// Publishes events for one feed.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The client.
    pub client: Client,
    /// The bus.
    pub bus: String,
    /// The source that the events are published with.
    pub source: String,
    /// Which of them to trace.
    pub tracing: Tracing,
    /// What AWS's clock is ahead of this machine's, when it is seconds; else zero.
    pub clock_offset: SignedDuration,
    /// The first wait before an entry is sent again; each further one is twice as long.
    pub back_off: Duration,
}

/// An event that was tried to be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SentEvent {
    /// Its id: its own, else the one that the bus gave it.
    pub event_id: String,
    /// Its key in the events table; none when it can have no row there.
    pub key: Option<EventKey>,
    /// When the bus had it, by AWS's clock as far as it is known.
    pub sent_at: Timestamp,
    /// The trace that it continues.
    pub trace_id: Option<String>,
    /// Why the bus did not take it.
    pub refused: Option<String>,
    /// True when ingestion is meant to reject it.
    pub poison: bool,
    /// The line of the file that it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// What was published.
#[derive(Debug, Clone, Default)]
pub struct Sending {
    /// Every event that was tried, in order.
    pub events: Vec<SentEvent>,
    /// True when it ended before all were tried because someone asked to stop.
    pub stopped: bool,
    /// Why it ended before all were tried.
    pub error: Option<AwsError>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Sending {
    /// How many events the bus took.
    pub fn accepted(&self) -> usize {
        self.events.iter().filter(|event| event.refused.is_none()).count()
    }
}

impl Sender {
    /// A sender for the feed `name`: its events' source is `marketdata.feed.{name}`. Checks that the bus exists, since
    /// publishing to one that does not exist succeeds.
    pub(super) async fn connect(client: Client, stack: &Stack, name: &str) -> Result<Self, AwsError> {
        let before = Timestamp::now();
        let date = bus::check(&client, &stack.event_bus.name).await?;
        Ok(Self {
            client,
            bus: stack.event_bus.name.clone(),
            source: format!("{SOURCE_FEED_PREFIX}.{name}"),
            tracing: Tracing::default(),
            clock_offset: date.map(|date| clock_offset(before, date, Timestamp::now())).unwrap_or_default(),
            back_off: BACK_OFF,
        })
    }

    /// Publishes events at a pace, in order; `told` hears of all that are done after each call.
    ///
    /// One call at a time, so the bus gets them in order (what it delivers is unordered all the same); an entry that is
    /// sent again comes after its neighbours of the same call. Ends early, and says so, when asked to stop between two
    /// calls or when the bus cannot be reached.
    pub(super) async fn send(
        &self,
        events: &[FeedEvent],
        pace: Pace,
        stop: &Stop,
        mut told: impl FnMut(&[SentEvent]),
    ) -> Sending {
        let plan = pace.plan(events);
        let start = Instant::now();
        let mut sending = Sending::default();
        while sending.events.len() < events.len() {
            let next = sending.events.len();
            tokio::select! {
                biased;
                () = stop.requested() => {
                    sending.stopped = true;
                    break;
                }
                () = tokio::time::sleep_until(start + plan[next]) => {}
            }
            let due = start.elapsed();
            let count = plan[next..].iter().take(ENTRIES_PER_CALL).take_while(|at| **at <= due).count().max(1);
            match self.publish(&events[next..next + count], stop).await {
                Ok(sent) => sending.events.extend(sent),
                Err(error) => {
                    sending.error = Some(error);
                    break;
                }
            }
            told(&sending.events);
        }
        sending.elapsed = start.elapsed();
        sending
    }

    /// Publishes up to ten events, those that fail again after a growing wait. An error means that the first call failed
    /// as a whole, so that none was published as far as can be known.
    async fn publish(&self, events: &[FeedEvent], stop: &Stop) -> Result<Vec<SentEvent>, AwsError> {
        let entries: Vec<Entry> = events.iter().map(|event| self.entry(event)).collect();
        let mut sent: Vec<Option<SentEvent>> = vec![None; events.len()];
        let mut open: Vec<usize> = (0..events.len()).collect();
        let mut wait = self.back_off;
        for attempt in 0..=RETRIES {
            let last = attempt == RETRIES || stop.is_requested();
            let calling: Vec<Entry> = open.iter().map(|index| entries[*index].clone()).collect();
            match bus::put(&self.client, &self.bus, &calling).await {
                Ok(results) => {
                    let now = self.now();
                    let mut again = Vec::new();
                    for (index, result) in open.into_iter().zip(results) {
                        match result {
                            Err(error) if error.is_transient() && !last => again.push(index),
                            result => sent[index] = Some(record(&events[index], &entries[index], result, now)),
                        }
                    }
                    open = again;
                }
                Err(error) if error.kind == AwsErrorKind::Throttled && !last => {}
                Err(error) if open.len() == events.len() => return Err(error),
                // Some of them are on the bus already, so those that are not are told apart.
                Err(error) => {
                    let refusal = EntryError { code: error.code.unwrap_or_default(), message: error.reason };
                    for index in std::mem::take(&mut open) {
                        let result = Err(refusal.clone());
                        sent[index] = Some(record(&events[index], &entries[index], result, self.now()));
                    }
                }
            }
            if open.is_empty() {
                break;
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Ok(sent.into_iter().flatten().collect())
    }

    /// Now by AWS's clock, as far as it is known.
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.checked_add(self.clock_offset).unwrap_or(now)
    }

    fn entry(&self, event: &FeedEvent) -> Entry {
        let time = self.now();
        Entry {
            source: self.source.clone(),
            detail_type: DETAIL_TYPE_RAW.to_owned(),
            detail: event.detail.to_string(),
            time,
            trace_header: (self.tracing == Tracing::Every).then(|| random::trace_header(time)),
        }
    }
}

/// What the other clock is ahead of ours, when it said `date` between `before` and `after`. It says whole seconds, so
/// that less than two seconds may be none at all.
fn clock_offset(before: Timestamp, date: Timestamp, after: Timestamp) -> SignedDuration {
    let (early, late) = (date.duration_since(after), date.duration_since(before) + SignedDuration::from_secs(1));
    match (early > SignedDuration::from_secs(1), late < SignedDuration::from_secs(-1)) {
        (true, _) => early,
        (_, true) => late,
        _ => SignedDuration::ZERO,
    }
}

fn record(event: &FeedEvent, entry: &Entry, result: bus::EntryResult, now: Timestamp) -> SentEvent {
    let (envelope_id, refused) = match result {
        Ok(id) => (Some(id), None),
        Err(error) => (None, Some(format!("{}: {}", error.code, error.message))),
    };
    // As ingestion reads it: its own id if that is a valid one, else the bus's; its own time, else the envelope's, of
    // which the bus keeps whole seconds.
    let own_id = event.event_id().filter(|id| market::event::EventId::new(*id).is_ok());
    let event_id = own_id.map(str::to_owned).or(envelope_id).unwrap_or_default();
    let envelope_time = Timestamp::from_second(entry.time.as_second()).unwrap_or(entry.time);
    let timestamp = match event.detail.get("timestamp") {
        None | Some(serde_json::Value::Null) => Some(envelope_time),
        Some(_) => event.timestamp(),
    };
    let key = timestamp.filter(|_| !event_id.is_empty());
    SentEvent {
        key: key.map(|time| EventKey { event_id: event_id.clone(), timestamp: market::time::format(time) }),
        event_id,
        sent_at: now,
        trace_id: entry.trace_header.as_deref().and_then(random::trace_id).map(str::to_owned),
        refused,
        poison: event.poison,
        line: event.line,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_eventbridge::operation::put_events::{PutEventsInput, PutEventsOutput};
    use aws_sdk_eventbridge::types::PutEventsResultEntry;
    use aws_smithy_mocks::{Rule, mock};
    use serde_json::json;

    use super::*;
    use crate::aws::testing;

    /// A bus that answers each entry as `answer` says for its detail and how often it was seen; and all calls it got.
    fn bus(
        answer: impl Fn(&str, usize) -> PutEventsResultEntry + Send + Sync + 'static,
    ) -> (Rule, Arc<Mutex<Vec<Vec<String>>>>) {
        let calls = Arc::new(Mutex::new(Vec::<Vec<String>>::new()));
        let seen = Arc::clone(&calls);
        let rule = mock!(Client::put_events).then_compute_output(move |input: &PutEventsInput| {
            let details: Vec<String> =
                input.entries().iter().map(|entry| entry.detail().unwrap_or_default().to_owned()).collect();
            let mut calls = seen.lock().unwrap();
            let results = details
                .iter()
                .map(|detail| answer(detail, calls.iter().flatten().filter(|earlier| *earlier == detail).count()));
            let results = results.collect();
            calls.push(details);
            PutEventsOutput::builder().set_entries(Some(results)).build()
        });
        (rule, calls)
    }

    fn taken(detail: &str) -> PutEventsResultEntry {
        PutEventsResultEntry::builder().event_id(format!("bus-{detail}")).build()
    }

    fn refused(code: &str) -> PutEventsResultEntry {
        PutEventsResultEntry::builder().error_code(code).error_message("no").build()
    }

    fn sender(rule: &Rule) -> Sender {
        Sender {
            client: testing::clients(&[rule]).eventbridge,
            bus: "eventbridge-market-data-dev".to_owned(),
            source: "marketdata.feed.test".to_owned(),
            tracing: Tracing::Sampled,
            clock_offset: SignedDuration::ZERO,
            back_off: Duration::from_millis(1),
        }
    }

    fn events(count: usize) -> Vec<FeedEvent> {
        (0..count).map(|number| FeedEvent::new(json!({"event_id": format!("e{number}")}))).collect()
    }

    #[tokio::test]
    async fn twenty_five_events_are_three_calls_in_order() {
        let (rule, calls) = bus(|detail, _| taken(detail));
        let sending = sender(&rule).send(&events(25), Pace::Fast, &Stop::never(), |_| {}).await;
        let calls = calls.lock().unwrap();
        assert_eq!(calls.iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);
        let order: Vec<_> = events(25).iter().map(|event| event.detail.to_string()).collect();
        assert_eq!(calls.concat(), order);
        assert_eq!((sending.accepted(), sending.stopped), (25, false));
    }

    #[tokio::test]
    async fn only_what_failed_is_sent_again() {
        let (rule, calls) =
            bus(
                |detail, earlier| {
                    if detail.contains("e1") && earlier < 2 { refused("ThrottlingException") } else { taken(detail) }
                },
            );
        let sending = sender(&rule).send(&events(3), Pace::Fast, &Stop::never(), |_| {}).await;
        assert_eq!(calls.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [3, 1, 1]);
        assert_eq!(sending.accepted(), 3);
    }

    #[tokio::test]
    async fn what_never_works_is_said_and_not_tried_for_ever() {
        let (rule, calls) = bus(|detail, _| match detail {
            _ if detail.contains("e0") => refused("MalformedDetail"),
            _ if detail.contains("e1") => refused("InternalFailure"),
            _ => taken(detail),
        });
        let sending = sender(&rule).send(&events(3), Pace::Fast, &Stop::never(), |_| {}).await;
        assert_eq!(
            sending.events.iter().map(|event| event.refused.as_deref()).collect::<Vec<_>>(),
            [Some("MalformedDetail: no"), Some("InternalFailure: no"), None]
        );
        let calls = calls.lock().unwrap();
        assert_eq!(calls.concat().iter().filter(|detail| detail.contains("e0")).count(), 1);
        assert_eq!(calls.len(), 1 + RETRIES as usize);
    }

    #[tokio::test]
    async fn asked_to_stop_it_ends_between_two_calls_and_tells_what_was_sent() {
        let (rule, calls) = bus(|detail, _| taken(detail));
        let stop = Stop::never();
        let sending = sender(&rule).send(&events(25), Pace::Fast, &stop, |_| stop.request()).await;
        assert_eq!((sending.events.len(), sending.stopped), (10, true));
        assert_eq!(calls.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_clock_is_off_when_whole_seconds_cannot_explain_it() {
        let at = |millisecond: i64| Timestamp::from_millisecond(millisecond).unwrap();
        let offset = |date: i64| clock_offset(at(10_200), at(date), at(10_700)).as_millis();
        assert_eq!(offset(10_000), 0);
        assert_eq!(offset(11_000), 0);
        assert_eq!(offset(40_000), 29_300);
        assert_eq!(offset(1_000), -8_200);
    }

    #[tokio::test]
    async fn an_event_without_id_and_time_gets_those_of_the_envelope() {
        let (rule, _) = bus(|_, _| PutEventsResultEntry::builder().event_id("bus-1").build());
        let sending =
            sender(&rule).send(&[FeedEvent::new(json!({"price": "1"}))], Pace::Fast, &Stop::never(), |_| {}).await;
        let event = &sending.events[0];
        assert_eq!(event.event_id, "bus-1");
        assert!(event.key.as_ref().is_some_and(|key| key.timestamp.ends_with(".000000Z")), "{event:?}");
    }
}
