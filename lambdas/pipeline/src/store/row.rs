//! A row of the events table, written and read.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use market::business::Tag;
use market::enrichment::Enrichment;
use market::event::{MarketEvent, Receipt, validate};
use market::fault::Rejection;
use market::identifier::RuleId;
use market::rules::References;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::attributes::{Item, decimal, from_json, n, s, strings, text, time, time_of, to_json};

/// How far an event has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowStatus {
    /// Stored; perhaps not yet published.
    Received,
    /// Enriched; an alert perhaps not yet published.
    Processed,
}

impl RowStatus {
    /// The text in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "RECEIVED",
            Self::Processed => "PROCESSED",
        }
    }
}

/// What ingestion stores.
#[derive(Debug, Clone, Copy)]
pub struct NewRow<'a> {
    /// The event.
    pub event: &'a MarketEvent,
    /// The raw detail as canonical JSON, unknown fields included.
    pub payload: &'a str,
    /// When ingestion received it.
    pub received_at: Timestamp,
    /// Name of the archive replay that it came from.
    pub replay: Option<&'a str>,
    /// When the row may be removed, where the table has a time to live.
    pub expires_at: Option<Timestamp>,
}

impl NewRow<'_> {
    pub(super) fn item(&self) -> Item {
        let event = self.event;
        let mut item = Item::from([
            ("event_id".to_owned(), s(event.event_id.as_str())),
            ("timestamp".to_owned(), time(event.timestamp)),
            ("event_type".to_owned(), s(event.event_type().as_str())),
            ("source".to_owned(), s(&event.source)),
            ("symbol".to_owned(), s(event.symbol.as_str())),
            ("status".to_owned(), s(RowStatus::Received.as_str())),
            ("payload".to_owned(), s(self.payload)),
            ("received_at".to_owned(), time(self.received_at)),
            ("correlation_id".to_owned(), s(event.event_id.as_str())),
        ]);
        let optional = [
            ("venue", event.venue.as_deref().map(s)),
            ("sequence", event.sequence.as_ref().map(n)),
            ("price", event.reference_price().map(decimal)),
            ("size", event.reference_size().map(decimal)),
            ("bid", event.quote().map(|quote| decimal(quote.bid))),
            ("ask", event.quote().map(|quote| decimal(quote.ask))),
            ("replay", self.replay.map(s)),
            ("expires_at", self.expires_at.map(|time| n(&time.as_second()))),
        ];
        item.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        item
    }
}

/// What processing adds to a row. With an alert it is all that is needed to publish the alert again.
#[derive(Debug, Clone, PartialEq)]
pub struct Processed {
    /// When.
    pub processed_at: Timestamp,
    /// What was computed.
    pub enrichment: Enrichment,
    /// What the alert rules need to know of earlier events.
    pub references: References,
    /// What the business rules said.
    pub tags: Vec<Tag>,
    /// An Alert has to be published.
    pub alert: bool,
    /// The alert rules that held.
    pub rules: Vec<RuleId>,
}

impl Processed {
    pub(super) fn attributes(&self) -> Vec<(&'static str, AttributeValue)> {
        let mut attributes = vec![
            ("status", s(RowStatus::Processed.as_str())),
            ("processed_at", time(self.processed_at)),
            ("enrichment", document(&self.enrichment)),
            ("tags", strings(self.tags.iter().map(|tag| tag.as_str()))),
            ("alert", AttributeValue::Bool(self.alert)),
        ];
        if self.alert {
            attributes.push(("alert_rules", strings(self.rules.iter().map(RuleId::as_str))));
            attributes.push(("references", document(&self.references)));
        }
        attributes
    }
}

fn document(value: &impl Serialize) -> AttributeValue {
    // Plain data of ours always has a JSON form; the alternative is for the type checker.
    from_json(&serde_json::to_value(value).unwrap_or_default())
}

/// A row that does not say what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "failed to read the stored row of event {event_id}: attribute {attribute} is missing or wrong; repair or delete the row"
)]
pub struct UnreadableRow {
    event_id: String,
    attribute: &'static str,
}

/// A row as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRow(Item);

impl StoredRow {
    pub(super) fn new(item: Item) -> Self {
        Self(item)
    }

    /// How far the event has come.
    pub fn status(&self) -> Result<RowStatus, UnreadableRow> {
        [RowStatus::Received, RowStatus::Processed]
            .into_iter()
            .find(|status| text(&self.0, "status") == Some(status.as_str()))
            .ok_or_else(|| self.unreadable("status"))
    }

    /// The raw detail as canonical JSON; empty if the row has none.
    pub fn payload(&self) -> &str {
        text(&self.0, "payload").unwrap_or_default()
    }

    /// When ingestion received it.
    pub fn received_at(&self) -> Option<Timestamp> {
        time_of(&self.0, "received_at")
    }

    /// When it was processed.
    pub fn processed_at(&self) -> Option<Timestamp> {
        time_of(&self.0, "processed_at")
    }

    /// The event, validated again from the stored payload with the stored identity, source and time of receipt.
    pub fn event(&self) -> Result<MarketEvent, Rejection> {
        let detail: Value = serde_json::from_str(self.payload()).unwrap_or_default();
        let receipt = Receipt {
            envelope_id: text(&self.0, "event_id").unwrap_or_default(),
            envelope_time: time_of(&self.0, "timestamp").unwrap_or_default(),
            source: text(&self.0, "source").unwrap_or_default(),
            received_at: self.received_at().unwrap_or_default(),
            // Its time was judged when it came; the limit may have been another one then.
            max_future_skew: Duration::MAX,
        };
        validate(&detail, &receipt)
    }

    /// True if processing found that an Alert has to be published.
    pub fn alert(&self) -> bool {
        matches!(self.0.get("alert"), Some(AttributeValue::Bool(true)))
    }

    /// What processing added. Only for a PROCESSED row.
    pub fn processed(&self) -> Result<Processed, UnreadableRow> {
        Ok(Processed {
            processed_at: self.processed_at().ok_or_else(|| self.unreadable("processed_at"))?,
            enrichment: self.read("enrichment")?,
            references: if self.alert() { self.read("references")? } else { References::default() },
            tags: self.read("tags")?,
            alert: self.alert(),
            rules: if self.alert() { self.read("alert_rules")? } else { Vec::new() },
        })
    }

    fn read<T: DeserializeOwned>(&self, attribute: &'static str) -> Result<T, UnreadableRow> {
        let value = self.0.get(attribute).map(to_json).unwrap_or_default();
        serde_json::from_value(value).map_err(|_| self.unreadable(attribute))
    }

    fn unreadable(&self, attribute: &'static str) -> UnreadableRow {
        UnreadableRow { event_id: text(&self.0, "event_id").unwrap_or("unknown").to_owned(), attribute }
    }
}
