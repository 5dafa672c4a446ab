//! Test events as a change of the stack: what they will do, and sending them with all of it written down.

use std::path::Path;

use aws_sdk_eventbridge::Client;
use serde_json::json;

use super::event::FeedEvent;
use super::pace::Pace;
use super::sender::{Sender, Sending, SentEvent};
use super::stop::Stop;
use crate::aws::bus::ENTRIES_PER_CALL;
use crate::change::{Call, Change, Permit, Preview};
use crate::error::Result;
use crate::human;
use crate::journal::{Header, Journal, Outcome};
use crate::stack::Stack;

/// Bodies and ids are journaled of no more events than this: a load of a million would be a file of some hundred megabytes,
/// and the run's arguments say how to make the same events again.
const MOST_BODIES: usize = 1_000;
/// So many symbols are named in a preview.
const SYMBOLS: usize = 3;

/// What sending these events will do.
pub fn preview(stack: &Stack, events: &[FeedEvent]) -> Preview {
    let count = human::count(events.len() as u64, "event");
    let bus = &stack.event_bus.name;
    let calls = events.len().div_ceil(ENTRIES_PER_CALL) as u64;
    let summary = format!("send {count} to {bus}, in {}", stack.environment);
    let mut preview =
        Preview::new(Change::SendTestEvents, summary, vec![Call::counted("events", "PutEvents", bus, calls)]);
    let mut symbols: Vec<&str> =
        events.iter().filter(|event| !event.poison).filter_map(|event| event.symbol()).collect();
    symbols.sort_unstable();
    symbols.dedup();
    if !symbols.is_empty() {
        let more = symbols.len().saturating_sub(SYMBOLS);
        symbols.truncate(SYMBOLS);
        let others = if more > 0 { format!(" and {more} more") } else { String::new() };
        preview.warnings.push(format!(
            "the pipeline takes them for real: they are stored, count in the indicators of {}{others}, and may raise alerts",
            symbols.join(", ")
        ));
    }
    let poison = events.iter().filter(|event| event.poison).count() as u64;
    if poison > 0 {
        let count = human::count(poison, "event");
        preview.warnings.push(format!("{count} are spoiled: each ends in ingestion's dead letter queue"));
    }
    preview
}

/// Sends events to the bus, journaled: what is to be sent before the first call, what the bus said after each.
#[derive(Debug)]
pub struct Publisher {
    /// Sends them.
    pub sender: Sender,
    journal: Journal,
}

impl Publisher {
    /// A publisher for the feed `name`; the run begins with `header` in the journals' directory, once the bus is known to
    /// exist. Refuses a permit for something else. Whoever opens it ends it with [`Publisher::finish`].
    pub async fn open(
        client: Client,
        stack: &Stack,
        name: &str,
        permit: &Permit,
        (dir, header): (&Path, &Header),
    ) -> Result<Self> {
        permit.check(Change::SendTestEvents, stack)?;
        let sender = Sender::connect(client, stack, name).await?;
        Ok(Self { sender, journal: Journal::create(dir, header)? })
    }

    /// Sends events at a pace; `progress` hears how many are done. It stops, too, when the journal cannot be written.
    pub async fn send(&self, events: &[FeedEvent], pace: Pace, stop: &Stop, progress: impl Fn(u64)) -> Result<Sending> {
        let whole = events.len() <= MOST_BODIES;
        if whole {
            let records: Vec<_> = events
                .iter()
                .map(|event| json!({ "record": "planned", "event_id": event.event_id(), "body": event.detail }))
                .collect();
            self.journal.write_all(&records)?;
        }
        self.journal.sync()?;
        let (mut told, mut broken) = (0, None);
        let sending = self
            .sender
            .send(events, pace, stop, |sent| {
                let written = self.write(&sent[told..], whole);
                told = sent.len();
                progress(told as u64);
                if let Err(error) = written {
                    broken = Some(error);
                    stop.request();
                }
            })
            .await;
        broken.map_or(Ok(sending), Err)
    }

    fn write(&self, sent: &[SentEvent], whole: bool) -> Result<()> {
        let refused: Vec<_> = sent
            .iter()
            .filter_map(|event| Some(json!({ "event_id": event.event_id, "reason": event.refused.as_ref()? })))
            .collect();
        let mut record = json!({ "record": "sent", "count": sent.len() - refused.len() });
        if whole {
            let taken = sent.iter().filter(|event| event.refused.is_none());
            record["event_ids"] = taken.map(|event| event.event_id.as_str()).collect();
        }
        if !refused.is_empty() {
            record["refused"] = refused.into();
        }
        self.journal.write(&record)
    }

    /// Ends the run: so many events were to be sent, and this is what became of them.
    pub fn finish(self, planned: usize, sending: &Sending) -> Result<Sender> {
        // A poison that the bus refuses is refused as it should be.
        let as_meant = sending.events.iter().filter(|event| event.refused.is_none() || event.poison).count();
        let outcome = match as_meant {
            all if all == planned => Outcome::Done,
            _ if sending.stopped => Outcome::Stopped,
            0 => Outcome::Failed,
            _ => Outcome::Partly,
        };
        let count = human::count(planned as u64, "event");
        let mut summary = format!("{} of {count} taken by {}", sending.accepted(), self.sender.bus);
        if let Some(error) = &sending.error {
            summary = format!("{summary}; ended early: {error}");
        }
        self.journal.finish(outcome, summary)?;
        Ok(self.sender)
    }
}
