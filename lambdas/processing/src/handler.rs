//! Read the row and the window → compute → mark the row PROCESSED → publish an Alert if there is one.

use futures::future::{join3, try_join_all};
use market::derived::{AlertDetail, Metadata, ValidatedDetail};
use market::envelope::{DETAIL_TYPE_ALERT, DETAIL_TYPE_VALIDATED, SOURCE_PROCESSING};
use market::event::MarketEvent;
use market::fault::{FaultCode, Rejection, RejectionCode};
use market::judgement::{self, Judgement, MoveReferences};
use market::observation::Observation;
use market::rules::required_windows;
use pipeline::audit::Status;
use pipeline::aws::SdkConfig;
use pipeline::bus::{Bus, Entry};
use pipeline::clock::SharedClock;
use pipeline::failure::{CallError, Failure};
use pipeline::host::{Call, Outcome, Progress, Work};
use pipeline::settings::ProcessingSettings;
use pipeline::stage::Stage;
use pipeline::store::{EventStore, Processed, RowStatus, StoredRow, Update};

/// The stage. Keeps nothing between events.
pub struct Processing {
    store: EventStore,
    bus: Bus,
    clock: SharedClock,
}

impl Processing {
    /// The stage with clients of its own.
    pub fn new(config: &SdkConfig, clock: SharedClock) -> Self {
        Self { store: EventStore::new(config), bus: Bus::new(config, clock.clone()), clock }
    }

    /// The references of all move rules that look at the event, read at the same time.
    async fn moves(&self, event: &MarketEvent, settings: &ProcessingSettings) -> Result<MoveReferences, CallError> {
        let reads = required_windows(&settings.rules.document, event).into_iter().map(async |seconds| {
            let from = judgement::move_window_start(event, seconds);
            Ok((seconds, self.store.reference(&settings.events_table, event, from).await?))
        });
        Ok(try_join_all(reads).await?.into_iter().collect())
    }

    /// What the event means, given what came before it.
    fn judge(
        &self,
        event: &MarketEvent,
        window: &[Observation],
        moves: &MoveReferences,
        settings: &ProcessingSettings,
    ) -> Processed {
        let Judgement { enrichment, references, tags, rules, alert } =
            judgement::judge(event, window, moves, &settings.rules.document, &settings.thresholds);
        tracing::debug!(
            window = window.len(),
            enrichment = json(&enrichment),
            references = json(&references),
            ?tags,
            ?rules,
            alert,
            "event judged"
        );
        Processed { processed_at: self.clock.now(), enrichment, references, tags, alert, rules }
    }

    async fn publish(
        &self,
        event: MarketEvent,
        processed: Processed,
        validated: &Metadata,
        call: &Call,
        settings: &ProcessingSettings,
    ) -> Result<(), Failure> {
        let Processed { enrichment, references, tags, rules, .. } = processed;
        let trace = call.trace_header.clone();
        let detail = AlertDetail::new(event, enrichment, references, tags, rules, validated, trace);
        let entry = Entry::new(SOURCE_PROCESSING, DETAIL_TYPE_ALERT, &detail, call.trace_header.as_deref())?;
        self.bus.publish(&settings.bus, &[entry], call.deadline).await?;
        Ok(())
    }

    /// The row was PROCESSED before. If it raised an alert, whoever processed it may have ended before that was published:
    /// it is published again, as the row says, and notification absorbs a double.
    async fn done_before(
        &self,
        row: &StoredRow,
        validated: &Metadata,
        call: &Call,
        settings: &ProcessingSettings,
        progress: &mut Progress,
    ) -> Result<Outcome, Failure> {
        progress.counts.duplicates = 1;
        if !row.alert() {
            return Ok(Status::Duplicate.into());
        }
        self.publish(row.event()?, row.processed()?, validated, call, settings).await?;
        progress.counts.alerts = 1;
        Ok(Status::Republished.into())
    }
}

impl Work for Processing {
    const STAGE: Stage = Stage::Processing;
    const DETAIL_TYPE: &'static str = DETAIL_TYPE_VALIDATED;
    type Settings = ProcessingSettings;

    async fn handle(
        &self,
        call: &Call,
        settings: &ProcessingSettings,
        progress: &mut Progress,
    ) -> Result<Outcome, Failure> {
        let ValidatedDetail { event: news, metadata, .. } = ValidatedDetail::from_json(&call.envelope.detail)?;
        let table = &settings.events_table;
        let (row, window, moves) = join3(
            self.store.get(table, &news.event_id, news.timestamp),
            self.store.window(table, &news.symbol, news.timestamp, settings.window_size),
            self.moves(&news, settings),
        )
        .await;
        let row = row?.ok_or_else(|| not_stored(&news, "has no row"))?;
        if row.status()? == RowStatus::Processed {
            return self.done_before(&row, &metadata, call, settings, progress).await;
        }
        // The row is the truth; the bus only carries the news.
        let event = row.event()?;
        if event.symbol != news.symbol {
            return Err(not_stored(&news, &format!("is stored as an event of {}", event.symbol)).into());
        }
        let window = judgement::window(&event, window?);
        let processed = self.judge(&event, &window, &moves?, settings);
        let ids = window.into_iter().map(|observation| String::from(observation.event_id));
        // Before the update: one whose answer is lost may have been done, and the numbers then stand on this window.
        progress.details.push(("window_event_ids", pipeline::strings(ids)));
        match self.store.mark_processed(table, &event.event_id, event.timestamp, &processed).await? {
            Update::Done => {}
            Update::DoneBefore(row) => {
                progress.details.clear();
                return self.done_before(&row, &metadata, call, settings, progress).await;
            }
            Update::Gone => return Err(not_stored(&news, "lost its row while it was processed").into()),
        }
        progress.counts.processed = 1;
        if processed.alert {
            self.publish(event, processed, &metadata, call, settings).await?;
            progress.counts.alerts = 1;
        }
        Ok(Status::Processed.into())
    }
}

/// For the log.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Ingestion publishes only what it has stored, so no retry will find a row that is not there.
fn not_stored(event: &MarketEvent, what: &str) -> Rejection {
    let message = format!("event {} at {} {what}", event.event_id, market::time::format(event.timestamp));
    Rejection::single(RejectionCode::NotStored, "event", FaultCode::Missing, message)
}
