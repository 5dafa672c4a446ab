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
        preview.warnings.push(format!("{count} spoiled on purpose, to be rejected"));
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

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::operation::describe_event_bus::DescribeEventBusOutput;
    use aws_sdk_eventbridge::operation::put_events::PutEventsOutput;
    use aws_sdk_eventbridge::types::PutEventsResultEntry;
    use aws_smithy_mocks::{Rule, mock};
    use serde_json::Value;

    use super::*;
    use crate::aws::testing;
    use crate::change::Gate;
    use crate::error::ExitStatus;
    use crate::journal;
    use crate::output::{Report, Styles};
    use crate::stack::samples;

    fn events(count: usize) -> Vec<FeedEvent> {
        (0..count).map(|number| FeedEvent::new(json!({ "event_id": format!("e{number}"), "symbol": "X" }))).collect()
    }

    /// A bus that takes all but `e1`.
    fn bus() -> [Rule; 2] {
        let there = mock!(Client::describe_event_bus).then_output(|| DescribeEventBusOutput::builder().build());
        let put = mock!(Client::put_events).then_compute_output(|input| {
            let answer = |refused: bool| {
                let entry = PutEventsResultEntry::builder();
                if refused { entry.error_code("MalformedDetail").error_message("no") } else { entry.event_id("bus") }
            };
            let entries = input.entries().iter();
            let results = entries.map(|entry| answer(entry.detail().unwrap_or_default().contains(r#""e1""#)).build());
            PutEventsOutput::builder().set_entries(Some(results.collect())).build()
        });
        [there, put]
    }

    async fn open(rules: &[&Rule], dir: &Path, change: Change) -> Result<Publisher> {
        let stack = samples::stack();
        let preview = Preview { change, ..preview(&stack, &events(1)) };
        let permit = Gate::new(&stack, true).permit(&preview, "").unwrap();
        let header = Header::new("send-test-event", Change::SendTestEvents, &stack, json!({}));
        let client = testing::clients(rules).eventbridge;
        Publisher::open(client, &stack, "test", &permit, (dir, &header)).await
    }

    async fn sent(count: usize) -> (journal::Entry, Vec<Value>) {
        let dir = tempfile::tempdir().unwrap();
        let [there, put] = bus();
        let publisher = open(&[&there, &put], dir.path(), Change::SendTestEvents).await.unwrap();
        let sending = publisher.send(&events(count), Pace::Fast, &Stop::never(), |_| {}).await.unwrap();
        publisher.finish(count, &sending).unwrap();
        let run = journal::list(dir.path()).unwrap().remove(0);
        let recording = journal::open(dir.path(), &run.header.run).unwrap();
        (recording.entry, recording.records)
    }

    #[tokio::test]
    async fn every_body_is_written_down_before_and_what_the_bus_said_afterwards() {
        let (run, records) = sent(12).await;
        let finish = run.finish.unwrap();
        assert_eq!(
            (finish.outcome, finish.summary.as_str()),
            (Outcome::Partly, "11 of 12 events taken by eventbridge-market-data-dev")
        );
        let kinds: Vec<_> = records.iter().map(|record| record["record"].as_str().unwrap()).collect();
        assert_eq!(kinds, [&["planned"; 12][..], &["sent"; 2]].concat());
        assert_eq!(records[0]["body"], json!({ "event_id": "e0", "symbol": "X" }));
        assert_eq!((&records[12]["count"], &records[13]["count"]), (&json!(9), &json!(2)));
        assert_eq!(records[12]["refused"], json!([{ "event_id": "e1", "reason": "MalformedDetail: no" }]));
        assert_eq!(records[13]["event_ids"], json!(["e10", "e11"]));
    }

    #[tokio::test]
    async fn of_a_great_load_only_counts_are_written_down() {
        let (run, records) = sent(MOST_BODIES + 1).await;
        assert_eq!(run.finish.unwrap().outcome, Outcome::Partly);
        assert!(records.iter().all(|record| record["record"] == "sent" && record.get("event_ids").is_none()));
        let count: u64 = records.iter().filter_map(|record| record["count"].as_u64()).sum();
        assert_eq!(count, MOST_BODIES as u64);
    }

    #[tokio::test]
    async fn a_permit_for_something_else_and_a_bus_that_is_not_there_leave_no_run() {
        let dir = tempfile::tempdir().unwrap();
        let [there, put] = bus();
        let error = open(&[&there, &put], dir.path(), Change::Purge).await.unwrap_err();
        assert_eq!((error.exit_status(), there.num_calls()), (ExitStatus::Refused, 0));
        let gone = mock!(Client::describe_event_bus).then_error(|| {
            use aws_sdk_eventbridge::operation::describe_event_bus::DescribeEventBusError as Error;
            Error::ResourceNotFoundException(
                aws_sdk_eventbridge::types::error::ResourceNotFoundException::builder().message("no").build(),
            )
        });
        assert!(open(&[&gone, &put], dir.path(), Change::SendTestEvents).await.is_err());
        assert!(journal::list(dir.path()).unwrap().is_empty());
    }

    #[test]
    fn the_preview_says_that_the_pipeline_takes_them_for_real() {
        let mut events = events(12);
        for (number, event) in events.iter_mut().enumerate() {
            event.set("symbol", format!("S{}", number % 5));
            event.poison = number == 0;
        }
        let mut text = Vec::new();
        preview(&samples::stack(), &events).write_text(&mut text, &Styles::default()).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap(), @"
        About to send 12 events to eventbridge-market-data-dev, in dev
          events:PutEvents  eventbridge-market-data-dev  2 ×
          warning  the pipeline takes them for real: they are stored, count in the
                   indicators of S0, S1, S2 and 2 more, and may raise alerts
          warning  1 event spoiled on purpose, to be rejected
          safe     events are checked with the pipeline's own validation and carry their
                   own source
        ");
    }
}
