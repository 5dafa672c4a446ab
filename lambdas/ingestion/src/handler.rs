//! Validate → store unless it is there → publish Validated.

use market::derived::ValidatedDetail;
use market::envelope::{DETAIL_TYPE_RAW, DETAIL_TYPE_VALIDATED, SOURCE_INGESTION};
use market::event::{MarketEvent, Receipt, canonical_json, validate};
use pipeline::audit::Status;
use pipeline::aws::SdkConfig;
use pipeline::bus::{Bus, Entry};
use pipeline::clock::{SharedClock, elapsed, later};
use pipeline::failure::Failure;
use pipeline::host::{Call, Outcome, Progress, Work};
use pipeline::settings::IngestionSettings;
use pipeline::stage::Stage;
use pipeline::store::{EventStore, NewRow, Put, RowStatus};

/// The stage. Keeps nothing between events.
pub struct Ingestion {
    store: EventStore,
    bus: Bus,
}

impl Ingestion {
    /// The stage with clients of its own.
    pub fn new(config: &SdkConfig, clock: SharedClock) -> Self {
        Self { store: EventStore::new(config), bus: Bus::new(config, clock) }
    }

    async fn publish(&self, event: MarketEvent, call: &Call, settings: &IngestionSettings) -> Result<(), Failure> {
        let mut detail = ValidatedDetail::new(event, call.trace_header.clone(), call.envelope.replay_name.clone());
        detail.metadata.debug = call.debug;
        let entry =
            Entry::new(SOURCE_INGESTION, DETAIL_TYPE_VALIDATED, &detail, detail.metadata.trace_header.as_deref())?;
        self.bus.publish(&settings.bus, &[entry], call.deadline).await?;
        Ok(())
    }
}

impl Work for Ingestion {
    const STAGE: Stage = Stage::Ingestion;
    const DETAIL_TYPE: &'static str = DETAIL_TYPE_RAW;
    type Settings = IngestionSettings;

    async fn handle(
        &self,
        call: &Call,
        settings: &IngestionSettings,
        progress: &mut Progress,
    ) -> Result<Outcome, Failure> {
        let envelope = &call.envelope;
        let receipt = Receipt::new(envelope, call.received_at, settings.max_future_skew);
        let event = validate(&envelope.detail, &receipt)?;
        if envelope.replay_name.is_none() {
            progress.counts.feed_lag = Some(elapsed(event.timestamp, call.received_at));
        }
        let payload = canonical_json(&envelope.detail);
        tracing::debug!(source = event.source, payload, "event is valid");
        let row = NewRow {
            event: &event,
            payload: &payload,
            received_at: call.received_at,
            replay: envelope.replay_name.as_deref(),
            expires_at: settings.retention.map(|retention| later(call.received_at, retention)),
        };
        let old = match self.store.put(&settings.events_table, &row).await? {
            Put::Stored => {
                self.publish(event, call, settings).await?;
                return Ok(Status::Stored.into());
            }
            Put::Exists(old) => old,
        };
        tracing::debug!(status = old.status().ok().map(RowStatus::as_str), "event is stored already");
        if old.payload() != payload {
            // The first one stays. If it is still RECEIVED, its own delivery may have failed before it was published; then
            // that delivery is tried again, or is in the dead letter queue. It is not for this one to publish it: what this
            // one brought is other content, and passing on either would tell its sender that it was accepted.
            progress.counts.conflicts = 1;
            let time = market::time::format(event.timestamp);
            let remark = format!("event {} at {time} is stored with other content", event.event_id);
            let (came, stored) = (start(&payload), start(old.payload()));
            tracing::warn!(came, stored, "identity taken by other content; the first one is kept");
            progress.remark = Some(remark);
            return Ok(Status::Conflict.into());
        }
        progress.counts.duplicates = 1;
        if old.status()? == RowStatus::Processed {
            return Ok(Status::Duplicate.into());
        }
        // Whoever stored it may have ended before it was published. Processing absorbs a double. The stored event goes out:
        // a second delivery of the same detail may name another source.
        self.publish(old.event()?, call, settings).await?;
        Ok(Status::Republished.into())
    }
}

/// What a log line shows of a payload: most are shorter.
fn start(payload: &str) -> &str {
    const SHOWN: usize = 1000;
    payload.char_indices().nth(SHOWN).map_or(payload, |(end, _)| &payload[..end])
}
