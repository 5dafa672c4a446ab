//! All that is known of one event: its row, what each stage did with it, its traces, its dead letters.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use serde::Serialize;
use serde_json::{Map, Number, Value};

use super::row::StoredEvent;
use crate::aws::audit::{self, AuditRow};
use crate::aws::dead_letters::{self, DeadLetter};
use crate::aws::{AwsError, Clients, Doing};
use crate::stack::Stack;

/// All that is known of one event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventDetail {
    /// The id that was asked for.
    pub event_id: String,
    /// Its rows: none when it was never stored, several when events of different times have the same id.
    pub rows: Vec<EventRow>,
    /// What each stage did with it, in order of time.
    pub audit: Vec<AuditRow>,
    /// The traces that the audit names, in order of time.
    pub traces: Vec<String>,
    /// Its messages in the dead letter queues, as far as they were among those looked at.
    pub letters: Vec<DeadLetter>,
    /// Dead letters that were not looked at: a queue can be looked at only in part without touching it.
    pub letters_not_seen: u64,
}

/// A row of the events table, whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventRow {
    /// What is shown of every event.
    #[serde(flatten)]
    pub event: StoredEvent,
    /// The event as it came, unknown fields included.
    pub payload: Value,
    /// What processing computed.
    pub enrichment: Value,
    /// All other attributes.
    pub other: Map<String, Value>,
}

impl EventDetail {
    /// True when nothing at all is known of it.
    pub fn is_unknown(&self) -> bool {
        self.rows.is_empty() && self.audit.is_empty() && self.letters.is_empty()
    }
}

/// Reads all of it, all at once: four queries, and a look into each queue that is not empty.
pub async fn detail(clients: &Clients, stack: &Stack, event_id: &str) -> Result<EventDetail, AwsError> {
    let (rows, audit, letters) = futures::try_join!(
        rows(clients, &stack.tables.events.name, event_id),
        audit::history(&clients.dynamodb, &stack.tables.audit.name, event_id),
        letters(clients, stack),
    )?;
    let mut traces: Vec<String> = Vec::new();
    for trace in audit.iter().filter_map(|row| row.trace_id.as_ref()) {
        if !traces.contains(trace) {
            traces.push(trace.clone());
        }
    }
    let (seen, not_seen) = letters;
    let mine = |letter: &DeadLetter| letter.event_id.as_deref() == Some(event_id);
    Ok(EventDetail {
        event_id: event_id.to_owned(),
        rows,
        audit,
        traces,
        letters: seen.into_iter().filter(mine).collect(),
        letters_not_seen: not_seen,
    })
}

async fn rows(clients: &Clients, table: &str, event_id: &str) -> Result<Vec<EventRow>, AwsError> {
    let answer = clients
        .dynamodb
        .query()
        .table_name(table)
        .key_condition_expression("event_id = :id")
        .expression_attribute_values(":id", AttributeValue::S(event_id.to_owned()))
        .consistent_read(true)
        .send()
        .await
        .doing(|| format!("read event {event_id} from table {table}"))?;
    Ok(answer.items().iter().filter_map(EventRow::from_item).collect())
}

/// The letters that were looked at, and how many were not.
async fn letters(clients: &Clients, stack: &Stack) -> Result<(Vec<DeadLetter>, u64), AwsError> {
    let queues = stack.stages.iter().map(|(name, stage)| async move {
        let depth = dead_letters::depth(&clients.sqs, stage).await?;
        let letters = match depth.waiting {
            0 => Vec::new(),
            waiting => dead_letters::peek(&clients.sqs, name, stage, waiting).await?,
        };
        let not_seen = depth.total().saturating_sub(letters.len() as u64);
        Ok::<_, AwsError>((letters, not_seen))
    });
    let (letters, not_seen): (Vec<_>, Vec<_>) = try_join_all(queues).await?.into_iter().unzip();
    Ok((letters.concat(), not_seen.into_iter().sum()))
}

impl EventRow {
    fn from_item(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        /// What [`StoredEvent`] has already.
        const SHOWN: [&str; 14] = [
            "event_id",
            "timestamp",
            "event_type",
            "symbol",
            "status",
            "source",
            "price",
            "size",
            "bid",
            "ask",
            "received_at",
            "processed_at",
            "tags",
            "alert",
        ];
        let value = |name: &str| item.get(name).map(json).unwrap_or_default();
        // The payload is JSON in a text, so that it keeps its bytes.
        let payload = match value("payload") {
            Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            other => other,
        };
        let other = item
            .iter()
            .filter(|(name, _)| !SHOWN.contains(&name.as_str()) && !["payload", "enrichment"].contains(&name.as_str()));
        Some(Self {
            event: StoredEvent::from_item(item)?,
            payload,
            enrichment: value("enrichment"),
            other: other.map(|(name, value)| (name.clone(), json(value))).collect(),
        })
    }
}

/// An attribute as JSON. Numbers keep their digits.
fn json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::N(digits) => {
            digits.parse::<Number>().map_or_else(|_| Value::String(digits.clone()), Value::Number)
        }
        AttributeValue::Bool(yes) => Value::Bool(*yes),
        AttributeValue::L(values) => values.iter().map(json).collect(),
        AttributeValue::M(values) => values.iter().map(|(name, value)| (name.clone(), json(value))).collect(),
        AttributeValue::Ss(texts) => texts.iter().cloned().map(Value::String).collect(),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::query::QueryOutput;
    use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesOutput;
    use aws_sdk_sqs::operation::receive_message::ReceiveMessageOutput;
    use aws_sdk_sqs::types::QueueAttributeName;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::testing;
    use crate::stack::{StageName, samples};

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    fn queries() -> Rule {
        mock!(aws_sdk_dynamodb::Client::query).then_compute_output(|request| {
            let id = request.expression_attribute_values().and_then(|values| values.get(":id"));
            let row = |pairs: Vec<(&str, AttributeValue)>| {
                vec![pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<HashMap<_, _>>()]
            };
            let indicators = HashMap::from([("sma".to_owned(), AttributeValue::N("39432.4800000001".to_owned()))]);
            let items = match id.and_then(|id| id.as_s().ok()).map(String::as_str) {
                Some("e1") => row(vec![
                    ("event_id", s("e1")),
                    ("timestamp", s("2021-01-08T00:00:01.000000Z")),
                    ("event_type", s("trade")),
                    ("symbol", s("BTCUSDT")),
                    ("status", s("PROCESSED")),
                    ("payload", s(r#"{"price":"39432.4800000001"}"#)),
                    ("enrichment", AttributeValue::M(indicators)),
                    ("venue", s("binance")),
                ]),
                Some("e1#ingestion" | "e1#processing") => row(vec![
                    ("timestamp", s("2026-11-22T12:00:00.000000Z")),
                    ("status", s("STORED")),
                    ("trace_id", s("1-5ff7a180-0123456789abcdef01234567")),
                ]),
                _ => Vec::new(),
            };
            QueryOutput::builder().set_items(Some(items)).build()
        })
    }

    fn depth(visible: &'static str) -> Rule {
        mock!(aws_sdk_sqs::Client::get_queue_attributes).then_compute_output(move |request| {
            let ingestion = request.queue_url().is_some_and(|url| url.contains("ingestion"));
            GetQueueAttributesOutput::builder()
                .attributes(QueueAttributeName::ApproximateNumberOfMessages, if ingestion { visible } else { "0" })
                .attributes(QueueAttributeName::ApproximateNumberOfMessagesNotVisible, "0")
                .build()
        })
    }

    #[tokio::test]
    async fn row_audit_traces_and_letters_come_together() {
        let receive = mock!(aws_sdk_sqs::Client::receive_message).then_output(|| {
            let of = |id: &str| {
                let body = format!(r#"{{"detail":{{"event_id":"{id}","symbol":"BTCUSDT"}}}}"#);
                dead_letters::samples::message(id, &body, &[("Stage", "ingestion")])
            };
            ReceiveMessageOutput::builder().messages(of("e1")).messages(of("e2")).build()
        });
        let (queries, depth) = (queries(), depth("5"));
        let clients = testing::clients(&[&queries, &depth, &receive]);
        let detail = detail(&clients, &samples::stack(), "e1").await.unwrap();
        let [row] = detail.rows.as_slice() else { panic!("{detail:?}") };
        assert_eq!((row.event.symbol.as_str(), row.payload["price"].as_str()), ("BTCUSDT", Some("39432.4800000001")));
        assert_eq!(row.enrichment["sma"].to_string(), "39432.4800000001", "no digit is lost");
        assert_eq!(row.other.keys().collect::<Vec<_>>(), ["venue"]);
        assert_eq!(
            detail.audit.iter().map(|row| row.stage).collect::<Vec<_>>(),
            [StageName::Ingestion, StageName::Processing]
        );
        assert_eq!(detail.traces, ["1-5ff7a180-0123456789abcdef01234567"]);
        assert_eq!(detail.letters.iter().map(|letter| letter.message_id.as_str()).collect::<Vec<_>>(), ["e1"]);
        assert_eq!((detail.letters_not_seen, detail.is_unknown()), (3, false));
    }

    #[tokio::test]
    async fn an_event_of_which_nothing_is_known_is_said_to_be_unknown() {
        let (queries, depth) = (queries(), depth("0"));
        let clients = testing::clients(&[&queries, &depth]);
        assert!(detail(&clients, &samples::stack(), "nobody").await.unwrap().is_unknown());
    }
}
