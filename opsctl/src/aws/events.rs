//! The events table.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;

use super::{AwsError, Doing};
use crate::stack::EventsTable;

/// The event types, each a partition of the index.
const TYPES: [&str; 3] = ["trade", "quote", "bar"];
/// `BatchGetItem` takes at most so many keys.
pub const KEYS_PER_BATCH: usize = 100;
/// What is shown of an event; the payload stays where it is.
const SHOWN: &str = "event_id, event_type, symbol, #t, #s, #source, price, #size, bid, ask, received_at, processed_at, \
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

    fn from_item(item: &HashMap<String, AttributeValue>) -> Option<Self> {
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

/// Reads the `limit` latest events by the exchange's time, the latest first: one Query an event type, newest end first.
pub async fn recent(client: &Client, table: &EventsTable, limit: u16) -> Result<Vec<StoredEvent>, AwsError> {
    let pages = TYPES.into_iter().map(|event_type| async move {
        let answer = client
            .query()
            .table_name(&table.name)
            .index_name(&table.event_type_index)
            .key_condition_expression("event_type = :type")
            .expression_attribute_values(":type", AttributeValue::S(event_type.to_owned()))
            .projection_expression(SHOWN)
            .expression_attribute_names("#t", "timestamp")
            .expression_attribute_names("#s", "status")
            .expression_attribute_names("#source", "source")
            .expression_attribute_names("#size", "size")
            .scan_index_forward(false)
            .limit(i32::from(limit))
            .send()
            .await
            .doing(|| format!("read recent events from table {}", table.name))?;
        Ok(answer.items.unwrap_or_default())
    });
    let mut events: Vec<StoredEvent> =
        try_join_all(pages).await?.iter().flatten().filter_map(StoredEvent::from_item).collect();
    events.sort_by(|one, other| other.timestamp.cmp(&one.timestamp).then_with(|| other.event_id.cmp(&one.event_id)));
    events.truncate(usize::from(limit));
    Ok(events)
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
    let answer = client.batch_get_item().request_items(table, request).send().await.doing(doing)?;
    let items = answer.responses().and_then(|tables| tables.get(table)).map(Vec::as_slice).unwrap_or_default();
    Ok(items.iter().filter_map(StoredEvent::from_item).collect())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::query::QueryOutput;
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing;
    use crate::stack::samples;

    fn item(id: &str, event_type: &str, second: u8) -> HashMap<String, AttributeValue> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        HashMap::from([
            ("event_id".to_owned(), text(id)),
            ("event_type".to_owned(), text(event_type)),
            ("symbol".to_owned(), text("BTCUSDT")),
            ("timestamp".to_owned(), text(&format!("2021-01-08T00:00:{second:02}.000000Z"))),
            ("status".to_owned(), text("PROCESSED")),
            ("price".to_owned(), AttributeValue::N("39432.4800000001".to_owned())),
            ("processed_at".to_owned(), text("2026-11-22T12:00:00.123456Z")),
            ("tags".to_owned(), AttributeValue::L(vec![text("price_spike")])),
            ("alert".to_owned(), AttributeValue::Bool(true)),
        ])
    }

    #[tokio::test]
    async fn the_latest_of_all_types_the_newest_first() {
        let rule = mock!(Client::query)
            .match_requests(|request| {
                request.index_name() == Some("event-type-timestamp-index")
                    && request.scan_index_forward() == Some(false)
                    && request.limit() == Some(2)
            })
            .then_compute_output(|request| {
                let value = request.expression_attribute_values().and_then(|values| values.get(":type"));
                let items = match value.and_then(|value| value.as_s().ok()).map(String::as_str) {
                    Some("trade") => vec![item("t2", "trade", 4), item("t1", "trade", 1)],
                    Some("quote") => vec![item("q1", "quote", 3)],
                    _ => vec![HashMap::new()],
                };
                QueryOutput::builder().set_items(Some(items)).build()
            });
        let client = testing::clients(&[&rule]).dynamodb;
        let events = recent(&client, &samples::stack().tables.events, 2).await.unwrap();
        assert_eq!(events.iter().map(|event| event.event_id.as_str()).collect::<Vec<_>>(), ["t2", "q1"]);
        assert_eq!(events[0].price.as_deref(), Some("39432.4800000001"));
        assert_eq!((events[0].tags.as_slice(), events[0].alert), (&["price_spike".to_owned()][..], true));
        assert_eq!(events[0].processed_at, "2026-11-22T12:00:00.123456Z".parse().ok());
    }
}
