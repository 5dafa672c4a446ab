//! Sending a test event: made, sent and followed as `opsctl send-test-event --wait` does it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use market::envelope::SOURCE_FEED_PREFIX;
use serde_json::json;

use super::operator::{Teller, Tools};
use super::paper::{self, Paper};
use super::test_event::{FEED, TestEvent};
use super::told::{Outcome, Previewed, Told};
use crate::change::{Change, Gate, Permit, Preview};
use crate::error::{Error, Result};
use crate::feed::event::FeedEvent;
use crate::feed::follow::Follower;
use crate::feed::pace::Pace;
use crate::feed::publisher::{self, Publisher};
use crate::feed::random;
use crate::feed::report::{Followup, SendTestEventReport};
use crate::feed::sender::Tracing;
use crate::feed::stop::Stop;
use crate::journal::Header;
use crate::stack::Stack;

/// It is followed for so long; the command's default too.
const FOLLOW: Duration = Duration::from_mins(1);

/// A test event that was made.
#[derive(Debug)]
pub(super) struct PreparedEvent {
    event: FeedEvent,
    name: String,
    preview: Preview,
}

impl PreparedEvent {
    /// Makes the event.
    pub(super) fn make(stack: &Stack, wanted: &TestEvent) -> Result<Self> {
        let name = random::run_id();
        let event = wanted.make(&name, Timestamp::now()).map_err(|why| {
            Error::usage(format!("nothing was sent: the pipeline would reject the event: {why}"), "mend the form")
        })?;
        let preview = publisher::preview(stack, std::slice::from_ref(&event));
        Ok(Self { event, name, preview })
    }

    pub(super) fn preview(&self) -> &Preview {
        &self.preview
    }

    /// What is shown of it: the calls, and the event as it will be published.
    pub(super) fn shown(&self, gate: &Gate) -> Previewed {
        let mut lines = paper::lines_of(&self.preview);
        let detail = serde_json::to_string_pretty(&self.event.detail).unwrap_or_default();
        lines.extend(detail.lines().map(|line| vec![(paper::Role::Dim, format!("  {line}"))]));
        Previewed {
            lines,
            needed: Some(gate.needs(&self.preview)),
            wishes: None,
            left: (0, 0),
            preview: self.preview.clone(),
        }
    }

    /// Sends it, journaled, and follows it through the stages.
    pub(super) async fn carry_out(self, tools: Tools, permit: Permit, stop: Stop, teller: Teller) -> Result<Outcome> {
        let Tools { clients, stack, journal_dir } = tools;
        let source = format!("{SOURCE_FEED_PREFIX}.{FEED}");
        let arguments = json!({ "events": 1, "source": source, "run_id": self.name });
        let header = Header::new("send-test-event", Change::SendTestEvents, &stack, arguments);
        let client = clients.eventbridge.clone();
        let mut publisher = Publisher::open(client, &stack, FEED, &permit, (&journal_dir, &header)).await?;
        teller.tell(Told::Began(header.run.to_string()));
        publisher.sender.tracing = Tracing::Every;
        let sending = publisher.send(&[self.event], Pace::Fast, &stop, |_| {}).await?;
        let bus = publisher.finish(1, &sending)?.bus;
        if let Some(error) = sending.error.clone().filter(|_| sending.events.is_empty()) {
            return Err(error.into());
        }
        let id = sending.events.first().map(|event| event.event_id.clone()).unwrap_or_default();
        teller.tell(Told::Following(format!("following event {id} through the stages")));
        let follower = Follower { clients, stack };
        let followup = Followup::read(&follower, &sending.events, FOLLOW, &stop, |_| {}).await?;
        let report = SendTestEventReport {
            environment: follower.stack.environment,
            bus,
            run: header.run,
            source,
            planned: 1,
            skipped: Vec::new(),
            stopped: stop.is_requested(),
            error: sending.error,
            elapsed_ms: u64::try_from(sending.elapsed.as_millis()).unwrap_or(u64::MAX),
            events: Vec::new(),
            follow: Some(followup),
        };
        Ok(Outcome::TestEvent(Arc::new(Paper::of_event(&report, &id))))
    }
}
