//! A row of the events table.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnConsumedCapacity};
use jiff::Timestamp;
use serde::Serialize;

use crate::aws::{AwsError, Doing};

/// The event types, each a partition of the index.
pub(super) const TYPES: [&str; 3] = ["trade", "quote", "bar"];
/// `BatchGetItem` takes at most so many keys.
pub const KEYS_PER_BATCH: usize = 100;
/// What is shown of an event; the payload stays where it is.
pub(super) const SHOWN: &str = "event_id, event_type, symbol, #t, #s, #source, price, #size, bid, ask, received_at, processed_at, \
                     tags, alert";

/// The identity of an event, the table's key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct EventKey {
    /// The event's id.
    pub event_id: String,
    /// The exchange's time, as text with six fractional digits.
    pub timestamp: String,
}

/// A stored event. Prices and sizes stay text, so no digit is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredEvent {
    /// Its id.
    pub event_id: String,
    /// The exchange's time, as stored.
    pub timestamp: String,
    /// `trade`, `quote` or `bar`.
    pub event_type: String,
    /// Instrument.
    pub symbol: String,
    /// `RECEIVED` or `PROCESSED`.
    pub status: String,
    /// The feed that it came from.
    pub source: Option<String>,
    /// Trade price, quote mid or bar close.
    pub price: Option<String>,
    /// Trade size or bar volume.
    pub size: Option<String>,
    /// Best bid of a quote.
    pub bid: Option<String>,
    /// Best ask of a quote.
    pub ask: Option<String>,
    /// When ingestion stored it.
    pub received_at: Option<Timestamp>,
    /// When processing had enriched it.
    pub processed_at: Option<Timestamp>,
    /// What processing found unusual about it.
    pub tags: Vec<String>,
    /// True when it raised an alert.
    pub alert: bool,
}

impl StoredEvent {
    /// The identity of the event.
    pub fn key(&self) -> EventKey {
        EventKey { event_id: self.event_id.clone(), timestamp: self.timestamp.clone() }
    }

    pub(super) fn from_item(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let text = |name: &str| item.get(name)?.as_s().ok().cloned();
        let number = |name: &str| item.get(name)?.as_n().ok().cloned();
        let time = |name: &str| text(name)?.parse().ok();
        let tags = item.get("tags").and_then(|tags| tags.as_l().ok()).map(Vec::as_slice).unwrap_or_default();
        Some(Self {
            event_id: text("event_id")?,
            timestamp: text("timestamp")?,
            event_type: text("event_type")?,
            symbol: text("symbol")?,
            status: text("status")?,
            source: text("source"),
            price: number("price"),
            size: number("size"),
            bid: number("bid"),
            ask: number("ask"),
            received_at: time("received_at"),
            processed_at: time("processed_at"),
            tags: tags.iter().filter_map(|tag| tag.as_s().ok().cloned()).collect(),
            alert: item.get("alert").and_then(|alert| alert.as_bool().ok()).is_some_and(|alert| *alert),
        })
    }
}

/// Reads up to [`KEYS_PER_BATCH`] events by their keys in one call; those that do not exist, or that `DynamoDB` left out
/// to keep the answer short, are simply not in the result.
pub async fn batch(client: &Client, table: &str, keys: &[EventKey]) -> Result<Vec<StoredEvent>, AwsError> {
    let doing = || format!("read {} events from table {table}", keys.len());
    let keys = keys.iter().map(|key| {
        HashMap::from([
            ("event_id".to_owned(), AttributeValue::S(key.event_id.clone())),
            ("timestamp".to_owned(), AttributeValue::S(key.timestamp.clone())),
        ])
    });
    let request = KeysAndAttributes::builder()
        .set_keys(Some(keys.collect()))
        .projection_expression(SHOWN)
        .expression_attribute_names("#t", "timestamp")
        .expression_attribute_names("#s", "status")
        .expression_attribute_names("#source", "source")
        .expression_attribute_names("#size", "size")
        .build()
        .map_err(|error| AwsError::unusable(doing(), error.to_string()))?;
    let answer = client
        .batch_get_item()
        .request_items(table, request)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .doing(doing)?;
    let items = answer.responses().and_then(|tables| tables.get(table)).map(Vec::as_slice).unwrap_or_default();
    Ok(items.iter().filter_map(StoredEvent::from_item).collect())
}
