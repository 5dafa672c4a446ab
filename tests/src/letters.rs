//! Dead letters as Lambda leaves them behind, many at a time.

use std::collections::HashMap;

use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use serde_json::{Value, json};

use crate::events::{id, unique};
use crate::stack::{Stack, Stage, project_root};

/// The real market events that tests are made of.
const FILE: &str = "tests/data/btcusdt-2021-01-08.jsonl";

/// So many real market events under ids and a symbol that nobody else has, the same ones again and again in later minutes
/// when there are not enough.
///
/// # Panics
/// When the file cannot be read.
pub fn real_events(count: usize, symbol: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(project_root().join(FILE)).expect("the data");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let mut events: Vec<Value> = lines.iter().cycle().take(count).cloned().collect();
    for (number, event) in events.iter_mut().enumerate() {
        event["event_id"] = format!("{symbol}-{number}").into();
        event["symbol"] = symbol.into();
        let minutes = number / lines.len();
        let timestamp =
            event["timestamp"].as_str().expect("a time").replacen("T00:00", &format!("T00:{minutes:02}"), 1);
        event["timestamp"] = timestamp.into();
    }
    events
}

/// Attributes of a letter: name, data type, value.
type Attributes<'a> = [(&'a str, &'a str, &'a str)];

impl Stack {
    /// Puts raw events into a stage's dead letter queue as Lambda does when it gives up: the envelope as the body, and
    /// Lambda's three attributes.
    ///
    /// # Panics
    /// When SQS does not take them.
    pub async fn fill(&self, stage: &Stage, events: &[Value]) {
        let message = r#"{"errorMessage":"the table was throttled"}"#;
        let attributes = [
            ("RequestID", "String", &*unique("request-")),
            ("ErrorCode", "Number", "200"),
            ("ErrorMessage", "String", message),
        ];
        self.fill_as(stage, events, &attributes).await;
    }

    /// The same as `EventBridge` does when it could not hand an event to its target.
    ///
    /// # Panics
    /// When SQS does not take them.
    pub async fn fill_as_rule(&self, stage: &Stage, events: &[Value]) {
        let attributes = [
            ("RULE_ARN", "String", &*stage.rule_arn),
            ("TARGET_ARN", "String", "arn:aws:lambda:us-east-1:000000000000:function:gone"),
            ("ERROR_CODE", "String", "NO_PERMISSIONS"),
            ("ERROR_MESSAGE", "String", "Lambda does not let the rule invoke the function"),
        ];
        self.fill_as(stage, events, &attributes).await;
    }

    async fn fill_as(&self, stage: &Stage, events: &[Value], attributes: &Attributes<'_>) {
        let attributes: HashMap<String, MessageAttributeValue> = attributes
            .iter()
            .map(|(name, kind, value)| {
                let attribute = MessageAttributeValue::builder().data_type(*kind).string_value(*value);
                ((*name).to_owned(), attribute.build().expect("an attribute"))
            })
            .collect();
        for chunk in events.chunks(10) {
            let entries = chunk.iter().enumerate().map(|(number, event)| {
                let envelope = json!({
                    "version": "0", "id": format!("bus-{}", id(event)), "detail-type": "MarketData.Raw",
                    "source": "marketdata.feed.test", "account": "000000000000", "time": "2021-01-08T00:00:00Z",
                    "region": "us-east-1", "resources": [], "detail": event,
                });
                SendMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .message_body(envelope.to_string())
                    .set_message_attributes(Some(attributes.clone()))
                    .build()
                    .expect("an entry")
            });
            let answer = self
                .sqs
                .send_message_batch()
                .queue_url(&stage.dlq_url)
                .set_entries(Some(entries.collect()))
                .send()
                .await
                .expect("SendMessageBatch");
            assert!(answer.failed().is_empty(), "{:?}", answer.failed());
        }
    }

    /// How many messages a stage's dead letter queue holds, those in somebody's hand included.
    ///
    /// # Panics
    /// When SQS does not say.
    pub async fn dead_letter_count(&self, stage: &Stage) -> u64 {
        use aws_sdk_sqs::types::QueueAttributeName::{
            ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesNotVisible as Hidden,
        };
        let request = self.sqs.get_queue_attributes().queue_url(&stage.dlq_url);
        let answer = request.attribute_names(Visible).attribute_names(Hidden).send().await.expect("GetQueueAttributes");
        let attributes = answer.attributes.expect("attributes");
        [Visible, Hidden].iter().map(|name| attributes[name].parse::<u64>().expect("a number")).sum()
    }
}
