//! The events table: one row an event, RECEIVED when ingestion stores it, PROCESSED when processing has enriched it.

mod observation;
mod row;

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use market::event::{MarketEvent, Symbol};
use market::identifier::EventId;
use market::judgement::{REFERENCE_ROWS, move_reference};
use market::observation::Observation;
use market::time::truncate;

use crate::attributes::{Item, s, time};
use crate::failure::CallError;

pub use row::{NewRow, Processed, RowStatus, StoredRow, UnreadableRow};

/// The index by symbol and time.
const SYMBOL_INDEX: &str = "symbol-timestamp-index";

/// What became of a new row.
#[derive(Debug, Clone, PartialEq)]
pub enum Put {
    /// It is stored.
    Stored,
    /// There is a row with that identity; here it is, and it stays.
    Exists(Box<StoredRow>),
}

/// What became of an update to PROCESSED.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// The row is PROCESSED now.
    Done,
    /// It was PROCESSED already; here it is, and it stays.
    DoneBefore(Box<StoredRow>),
    /// There is no such row any more.
    Gone,
}

/// Reads and writes the events table.
#[derive(Debug, Clone)]
pub struct EventStore {
    dynamodb: aws_sdk_dynamodb::Client,
}

impl EventStore {
    /// A store with a client of its own.
    pub fn new(config: &SdkConfig) -> Self {
        Self { dynamodb: crate::aws::dynamodb(config) }
    }

    /// Stores a new event, unless its identity (event id and time) is taken.
    pub async fn put(&self, table: &str, row: &NewRow<'_>) -> Result<Put, CallError> {
        let put = self
            .dynamodb
            .put_item()
            .table_name(table)
            .set_item(Some(row.item()))
            .condition_expression("attribute_not_exists(event_id)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else { return Ok(Put::Stored) };
        if let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
            && let Some(old) = failed.item()
        {
            let old = StoredRow::new(old.clone());
            // The SDK may have repeated a put whose answer was lost: then the row that is in the way is this one.
            let own = old.received_at() == Some(truncate(row.received_at)) && old.payload() == row.payload;
            return Ok(if own { Put::Stored } else { Put::Exists(Box::new(old)) });
        }
        Err(CallError::new(format!("store event {} in {table}", row.event.event_id), &error))
    }

    /// Reads an event's row, consistently.
    pub async fn get(
        &self,
        table: &str,
        event_id: &EventId,
        timestamp: Timestamp,
    ) -> Result<Option<StoredRow>, CallError> {
        let key = key(event_id, timestamp);
        let get = self.dynamodb.get_item().table_name(table).set_key(Some(key)).consistent_read(true).send().await;
        let answer = get.map_err(|error| CallError::new(format!("read event {event_id} from {table}"), &error))?;
        Ok(answer.item.map(StoredRow::new))
    }

    /// The last `limit` events of the symbol strictly before `before`, of any type, in ascending order of time.
    pub async fn window(
        &self,
        table: &str,
        symbol: &Symbol,
        before: Timestamp,
        limit: u16,
    ) -> Result<Vec<Observation>, CallError> {
        let query = self
            .query(table, symbol, "#symbol = :symbol AND #timestamp < :before")
            .expression_attribute_values(":before", time(before))
            .scan_index_forward(false)
            .limit(i32::from(limit));
        let answer = query.send().await;
        let answer =
            answer.map_err(|error| CallError::new(format!("read the window of {symbol} from {table}"), &error))?;
        Ok(observation::read_all(answer.items()).into_iter().rev().collect())
    }

    /// What moves of the event are measured from: see [`move_reference`].
    pub async fn reference(
        &self,
        table: &str,
        event: &MarketEvent,
        from: Timestamp,
    ) -> Result<Option<Observation>, CallError> {
        let last = market::time::from_micros(event.timestamp.as_microsecond() - 1).unwrap_or(from);
        let query = self
            .query(table, &event.symbol, "#symbol = :symbol AND #timestamp BETWEEN :from AND :last")
            .expression_attribute_values(":from", time(from))
            .expression_attribute_values(":last", time(last))
            .scan_index_forward(true)
            .limit(i32::try_from(REFERENCE_ROWS).unwrap_or(i32::MAX));
        let answer = query.send().await;
        let symbol = &event.symbol;
        let answer =
            answer.map_err(|error| CallError::new(format!("read a reference of {symbol} from {table}"), &error))?;
        Ok(move_reference(event, observation::read_all(answer.items())))
    }

    fn query(
        &self,
        table: &str,
        symbol: &Symbol,
        condition: &str,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.dynamodb
            .query()
            .table_name(table)
            .index_name(SYMBOL_INDEX)
            .key_condition_expression(condition)
            .expression_attribute_names("#symbol", "symbol")
            .expression_attribute_names("#timestamp", "timestamp")
            .expression_attribute_values(":symbol", s(symbol.as_str()))
    }

    /// Marks a RECEIVED row as PROCESSED and adds what was computed.
    pub async fn mark_processed(
        &self,
        table: &str,
        event_id: &EventId,
        timestamp: Timestamp,
        processed: &Processed,
    ) -> Result<Update, CallError> {
        let attributes = processed.attributes();
        let mut update = self
            .dynamodb
            .update_item()
            .table_name(table)
            .set_key(Some(key(event_id, timestamp)))
            .condition_expression("#status = :received")
            .expression_attribute_values(":received", s(RowStatus::Received.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut assignments = Vec::new();
        for (name, value) in attributes {
            // Placeholders for all: some of the names are reserved words.
            assignments.push(format!("#{name} = :{name}"));
            update = update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        let update = update.update_expression(format!("SET {}", assignments.join(", ")));
        let Err(error) = update.send().await else { return Ok(Update::Done) };
        let Some(UpdateItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() else {
            return Err(CallError::new(format!("mark event {event_id} as processed in {table}"), &error));
        };
        let Some(old) = failed.item() else { return Ok(Update::Gone) };
        let old = StoredRow::new(old.clone());
        // As in `put`: this may be our own update, repeated by the SDK.
        let own = old.processed_at() == Some(truncate(processed.processed_at));
        Ok(if own { Update::Done } else { Update::DoneBefore(Box::new(old)) })
    }
}

fn key(event_id: &EventId, timestamp: Timestamp) -> HashMap<String, AttributeValue> {
    Item::from([("event_id".to_owned(), s(event_id.as_str())), ("timestamp".to_owned(), time(timestamp))])
}
