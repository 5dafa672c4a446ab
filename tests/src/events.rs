//! Raw events: made, published, and looked up again where the pipeline left its traces of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::{Value, json};

use crate::stack::{Stack, Stage};
use crate::wait::{PATIENCE, until};

/// A row of one of the tables.
pub type Row = HashMap<String, AttributeValue>;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A name that no other test and no earlier run on the same stack has used.
pub fn unique(prefix: &str) -> String {
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{prefix}{}{n}", jiff::Timestamp::now().as_millisecond())
}

/// Now minus `ago_ms`, as the tables write times.
pub fn time(ago_ms: i64) -> String {
    let now = jiff::Timestamp::now() - jiff::SignedDuration::from_millis(ago_ms);
    format!("{now:.6}")
}

/// A valid trade.
pub fn trade(symbol: &str, price: &str, timestamp: &str) -> Value {
    json!({
        "schema_version": 1, "event_id": unique("E2E-"), "event_type": "trade", "symbol": symbol,
        "timestamp": timestamp, "venue": "TEST", "price": price, "size": "1.5", "side": "buy",
    })
}

/// The `event_id` of a raw event.
///
/// # Panics
/// When it has none.
pub fn id(event: &Value) -> &str {
    event["event_id"].as_str().expect("an event made here has an id")
}

/// The `timestamp` of a raw event.
///
/// # Panics
/// When it has none.
pub fn timestamp(event: &Value) -> &str {
    event["timestamp"].as_str().expect("an event made here has a timestamp")
}

/// A text attribute of a row.
pub fn text<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    row.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
}

/// An attribute value as JSON; numbers keep their digits.
///
/// # Panics
/// On types the tables do not use.
pub fn to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(s) => json!(s),
        AttributeValue::N(n) => serde_json::from_str(n).expect("DynamoDB numbers are JSON numbers"),
        AttributeValue::Bool(b) => json!(b),
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::L(items) => items.iter().map(to_json).collect(),
        AttributeValue::M(map) => map.iter().map(|(k, v)| (k.clone(), to_json(v))).collect(),
        other => panic!("unexpected attribute type: {other:?}"),
    }
}

impl Stack {
    /// Publishes raw events as the feed `test`, ten a call.
    ///
    /// # Panics
    /// When an entry is refused.
    pub async fn publish(&self, events: &[Value]) {
        self.publish_traced(events, None).await;
    }

    /// [`Stack::publish`] with a trace header on every entry.
    ///
    /// # Panics
    /// When an entry is refused.
    pub async fn publish_traced(&self, events: &[Value], trace_header: Option<&str>) {
        for chunk in events.chunks(10) {
            let entries =
                chunk.iter().map(|event| self.entry("MarketData.Raw", "marketdata.feed.test", event, trace_header));
            let answer =
                self.eventbridge.put_events().set_entries(Some(entries.collect())).send().await.expect("PutEvents");
            assert_eq!(answer.failed_entry_count(), 0, "{:?}", answer.entries());
        }
    }

    /// One entry for the pipeline's bus.
    pub fn entry(&self, detail_type: &str, source: &str, detail: &Value, trace: Option<&str>) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .detail_type(detail_type)
            .source(source)
            .detail(detail.to_string())
            .set_trace_header(trace.map(Into::into))
            .build()
    }

    /// The event's row, if there is one.
    ///
    /// # Panics
    /// When the table cannot be read.
    pub async fn row(&self, event: &Value) -> Option<Row> {
        self.dynamodb
            .get_item()
            .table_name(&self.events_table)
            .key("event_id", AttributeValue::S(id(event).to_owned()))
            .key("timestamp", AttributeValue::S(timestamp(event).to_owned()))
            .consistent_read(true)
            .send()
            .await
            .expect("GetItem")
            .item
    }

    /// The event's row once it is PROCESSED and processing has audited that, which it does afterwards.
    ///
    /// # Panics
    /// When it never is.
    pub async fn processed(&self, event: &Value) -> Row {
        let row = until(&format!("event {} PROCESSED", id(event)), PATIENCE, || async {
            match self.row(event).await {
                Some(row) if text(&row, "status") == Some("PROCESSED") => Ok(row),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        self.decided(id(event)).await;
        row
    }

    /// [`Stack::decided`] of an event whose row stays: at most one attempt has done the update.
    ///
    /// # Panics
    /// When they never do, or two of them say that they have done the update.
    pub async fn processing_attempts(&self, event_id: &str) -> Vec<Row> {
        let attempts = self.decided(event_id).await;
        let processed = attempts.iter().filter(|attempt| text(attempt, "status") == Some("PROCESSED")).count();
        assert!(processed <= 1, "{event_id}: {attempts:?}");
        attempts
    }

    /// The audit rows of processing's attempts on an event, once they say that it is processed: one is PROCESSED, or one
    /// FAILED and a later one DUPLICATE. That is an update that was done and whose answer was lost, which a machine under
    /// load sees: the attempt is audited as failed, and the next one finds the row PROCESSED.
    ///
    /// # Panics
    /// When they never do.
    async fn decided(&self, event_id: &str) -> Vec<Row> {
        until(&format!("the audit of processing {event_id}"), PATIENCE, || async {
            let attempts = self.audit(event_id, "processing").await;
            let any = |status: &str| attempts.iter().any(|attempt| text(attempt, "status") == Some(status));
            let decided = any("PROCESSED") || any("FAILED") && any("DUPLICATE");
            if decided { Ok(attempts) } else { Err(format!("{attempts:?}")) }
        })
        .await
    }

    /// The audit rows of one event at one stage, oldest first.
    ///
    /// # Panics
    /// When the table cannot be read.
    pub async fn audit(&self, event_id: &str, stage: &str) -> Vec<Row> {
        self.dynamodb
            .query()
            .table_name(&self.audit_table)
            .key_condition_expression("audit_id = :id")
            .expression_attribute_values(":id", AttributeValue::S(format!("{event_id}#{stage}")))
            .consistent_read(true)
            .send()
            .await
            .expect("Query audit")
            .items
            .unwrap_or_default()
    }

    /// The statuses of [`Stack::audit`].
    pub async fn audit_statuses(&self, event_id: &str, stage: &str) -> Vec<String> {
        let rows = self.audit(event_id, stage).await;
        rows.iter().filter_map(|row| text(row, "status")).map(str::to_owned).collect()
    }

    /// Waits until the stage has an audit row of that status for the event, and gives it.
    ///
    /// # Panics
    /// When none comes.
    pub async fn audited(&self, event_id: &str, stage: &str, status: &str) -> Row {
        until(&format!("audit {event_id}#{stage} {status}"), PATIENCE, || async {
            let rows = self.audit(event_id, stage).await;
            match rows.iter().find(|row| text(row, "status") == Some(status)) {
                Some(row) => Ok(row.clone()),
                None => Err(format!("{rows:?}")),
            }
        })
        .await
    }
}

/// A dead letter.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The message's body as text.
    pub body: String,
    /// The body as JSON; `Null` when it is none.
    pub envelope: Value,
    /// Message attributes: name → (data type, value).
    pub attributes: HashMap<String, (String, String)>,
}

impl DeadLetter {
    /// The value of a message attribute; empty when absent.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", |(_, value)| value)
    }
}

impl Stack {
    /// Takes (and deletes) the dead letters of a stage whose body has `needle`; others become visible again at once.
    ///
    /// # Panics
    /// When the queue cannot be read.
    pub async fn take_dead_letters(&self, stage: &Stage, needle: &str) -> Vec<DeadLetter> {
        let mut taken = Vec::new();
        let mut others = Vec::new();
        loop {
            let received = self
                .sqs
                .receive_message()
                .queue_url(&stage.dlq_url)
                .max_number_of_messages(10)
                .message_attribute_names("All")
                .send()
                .await
                .expect("ReceiveMessage");
            let messages = received.messages.unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            for message in messages {
                let body = message.body.clone().unwrap_or_default();
                let handle = message.receipt_handle.clone().unwrap_or_default();
                if !body.contains(needle) {
                    others.push(handle);
                    continue;
                }
                self.sqs
                    .delete_message()
                    .queue_url(&stage.dlq_url)
                    .receipt_handle(handle)
                    .send()
                    .await
                    .expect("delete");
                let attributes = message.message_attributes.unwrap_or_default();
                taken.push(DeadLetter {
                    envelope: serde_json::from_str(&body).unwrap_or_default(),
                    body,
                    attributes: attributes
                        .into_iter()
                        .map(|(k, v)| (k, (v.data_type, v.string_value.unwrap_or_default())))
                        .collect(),
                });
            }
        }
        for handle in others {
            let change = self.sqs.change_message_visibility().queue_url(&stage.dlq_url).receipt_handle(handle);
            change.visibility_timeout(0).send().await.expect("ChangeMessageVisibility");
        }
        taken
    }

    /// Waits for dead letters of a stage whose body has `needle`.
    ///
    /// # Panics
    /// When none comes.
    pub async fn dead_letters(&self, stage: &Stage, needle: &str) -> Vec<DeadLetter> {
        until(&format!("a dead letter with {needle} in {}", stage.dlq_url), PATIENCE, || async {
            let letters = self.take_dead_letters(stage, needle).await;
            if letters.is_empty() { Err("none".into()) } else { Ok(letters) }
        })
        .await
    }
}

/// A queue subscribed to the alerts topic: what a subscriber sees.
#[derive(Debug)]
pub struct Spy {
    queue_url: String,
    subscription_arn: String,
}

impl Stack {
    /// Subscribes a new queue to the alerts topic.
    ///
    /// # Panics
    /// When that fails.
    pub async fn spy(&self) -> Spy {
        let queue = self.sqs.create_queue().queue_name(unique("spy-")).send().await.expect("CreateQueue");
        let queue_url = queue.queue_url.expect("a created queue has a URL");
        let arn = self
            .sqs
            .get_queue_attributes()
            .queue_url(&queue_url)
            .attribute_names(aws_sdk_sqs::types::QueueAttributeName::QueueArn)
            .send()
            .await
            .expect("GetQueueAttributes")
            .attributes
            .and_then(|mut map| map.remove(&aws_sdk_sqs::types::QueueAttributeName::QueueArn))
            .expect("a queue has an ARN");
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": arn,
            "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}]});
        self.sqs
            .set_queue_attributes()
            .queue_url(&queue_url)
            .attributes(aws_sdk_sqs::types::QueueAttributeName::Policy, policy.to_string())
            .send()
            .await
            .expect("SetQueueAttributes");
        let subscription = self
            .sns
            .subscribe()
            .topic_arn(&self.topic_arn)
            .protocol("sqs")
            .endpoint(&arn)
            .return_subscription_arn(true)
            .send()
            .await
            .expect("Subscribe");
        Spy { queue_url, subscription_arn: subscription.subscription_arn.unwrap_or_default() }
    }
}

impl Spy {
    /// Waits for a notification that has `needle` and gives the SNS notification (`Subject`, `Message`,
    /// `MessageAttributes`).
    ///
    /// # Panics
    /// When none comes.
    pub async fn notification(&self, stack: &Stack, needle: &str) -> Value {
        until(&format!("an SNS message with {needle}"), PATIENCE, || async {
            self.take(stack, needle).await.into_iter().next().ok_or_else(|| "none".to_owned())
        })
        .await
    }

    /// The notifications with `needle` that are there now; all that are there are consumed.
    ///
    /// # Panics
    /// When the queue cannot be read.
    pub async fn take(&self, stack: &Stack, needle: &str) -> Vec<Value> {
        let mut found = Vec::new();
        loop {
            let receive = stack.sqs.receive_message().queue_url(&self.queue_url).max_number_of_messages(10);
            let messages = receive.send().await.expect("ReceiveMessage").messages.unwrap_or_default();
            if messages.is_empty() {
                return found;
            }
            for message in messages {
                let handle = message.receipt_handle.unwrap_or_default();
                stack
                    .sqs
                    .delete_message()
                    .queue_url(&self.queue_url)
                    .receipt_handle(handle)
                    .send()
                    .await
                    .expect("delete");
                let body = message.body.unwrap_or_default();
                if body.contains(needle) {
                    found.push(serde_json::from_str(&body).expect("an SNS notification is JSON"));
                }
            }
        }
    }

    /// Unsubscribes and deletes the queue.
    ///
    /// # Panics
    /// When that fails.
    pub async fn close(self, stack: &Stack) {
        stack.sns.unsubscribe().subscription_arn(self.subscription_arn).send().await.expect("Unsubscribe");
        stack.sqs.delete_queue().queue_url(self.queue_url).send().await.expect("DeleteQueue");
    }
}

impl Stack {
    /// All rows of a symbol, in time order.
    ///
    /// # Panics
    /// When the table cannot be read.
    pub async fn rows_of(&self, symbol: &str) -> Vec<Row> {
        let pages = self
            .dynamodb
            .scan()
            .table_name(&self.events_table)
            .filter_expression("symbol = :s")
            .expression_attribute_values(":s", AttributeValue::S(symbol.to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut rows = pages.collect::<Result<Vec<Row>, _>>().await.expect("Scan");
        rows.sort_by_key(|row| row.get("timestamp").and_then(|value| value.as_s().ok()).cloned());
        rows
    }

    /// Deletes the event's row, as a disaster would.
    ///
    /// # Panics
    /// When that fails.
    pub async fn forget(&self, event: &Value) {
        let delete = self.dynamodb.delete_item().table_name(&self.events_table);
        delete
            .key("event_id", AttributeValue::S(id(event).to_owned()))
            .key("timestamp", AttributeValue::S(timestamp(event).to_owned()))
            .send()
            .await
            .expect("DeleteItem");
    }
}
