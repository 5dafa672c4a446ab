//! Dead letter queues, looked at without touching them.

use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{AwsError, Doing};
use crate::stack::{Stack, Stage, StageName};

/// A receive returns at most so many messages.
const PER_RECEIVE: i32 = 10;
/// At most so many receives a queue and look.
const RECEIVES: usize = 5;

/// How a message came into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The function rejected the event for good and put it there itself.
    Rejected,
    /// Lambda gave up after its attempts.
    Lambda,
    /// `EventBridge` could not hand the event to the function.
    EventBridge,
    /// None of the three: someone else's message.
    Unknown,
}

/// A message in a dead letter queue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeadLetter {
    /// Its id in the queue.
    pub message_id: String,
    /// How it came there.
    pub origin: Origin,
    /// `VALIDATION`, `200`, `NO_PERMISSIONS` …: the code of its origin.
    pub code: String,
    /// What went wrong, in the words of its origin.
    pub message: String,
    /// The stage that could not do it: its own word, else the queue's.
    pub stage: StageName,
    /// When it came into the queue.
    pub sent_at: Option<Timestamp>,
    /// The event's id, where the body has one.
    pub event_id: Option<String>,
    /// The event's symbol, where the body has one.
    pub symbol: Option<String>,
    /// The body as it is: the original envelope.
    #[serde(skip)]
    pub body: String,
}

/// Messages that failed for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// How they came there.
    pub origin: Origin,
    /// Their code.
    pub code: String,
    /// The stage that could not do them.
    pub stage: StageName,
    /// The words of one of them.
    pub example: String,
    /// The event's id of that one.
    pub example_event_id: Option<String>,
    /// How many of those looked at.
    pub count: usize,
}

/// A dead letter queue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeadLetterQueue {
    /// The stage that it belongs to.
    pub stage: StageName,
    /// Its name.
    pub name: String,
    /// Messages waiting, as SQS estimates them.
    pub depth: u64,
    /// Messages that someone has received and not yet deleted.
    pub in_flight: u64,
    /// How many of them were looked at for the causes.
    pub sampled: usize,
    /// When the oldest of those looked at came in. (SQS's own age metric skips what was received three times.)
    pub oldest: Option<Timestamp>,
    /// Why they are there, the most frequent first.
    pub causes: Vec<Cause>,
}

/// Reads depth and causes of all queues at once.
pub async fn read(client: &Client, stack: &Stack) -> Result<Vec<DeadLetterQueue>, AwsError> {
    try_join_all(stack.stages.iter().map(|(name, stage)| read_queue(client, name, stage))).await
}

async fn read_queue(client: &Client, name: StageName, stage: &Stage) -> Result<DeadLetterQueue, AwsError> {
    let answer = client
        .get_queue_attributes()
        .queue_url(&stage.dlq_url)
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
        .send()
        .await
        .doing(|| format!("read the depth of queue {}", stage.dlq_name))?;
    let number = |attribute: &QueueAttributeName| {
        let text = answer.attributes().and_then(|attributes| attributes.get(attribute));
        text.and_then(|text| text.parse().ok()).ok_or_else(|| {
            AwsError::unusable(format!("read the depth of queue {}", stage.dlq_name), format!("no {attribute} in it"))
        })
    };
    let depth: u64 = number(&QueueAttributeName::ApproximateNumberOfMessages)?;
    let in_flight = number(&QueueAttributeName::ApproximateNumberOfMessagesNotVisible)?;
    let letters = if depth > 0 { peek(client, name, stage, depth).await? } else { Vec::new() };
    Ok(DeadLetterQueue {
        stage: name,
        name: stage.dlq_name.clone(),
        depth,
        in_flight,
        sampled: letters.len(),
        oldest: letters.iter().filter_map(|letter| letter.sent_at).min(),
        causes: group(&letters),
    })
}

/// Looks at messages without hiding them from anybody: received with a visibility time-out of zero, they stay available
/// to a redrive that runs at the same time, and the depth (and so its alarm) does not move. The price is that a receive
/// may return what was seen before, so this is a sample: at most 50, ending when nothing new comes. Each look counts as
/// a receive, which harms nothing because these queues have no redrive policy of their own.
pub async fn peek(client: &Client, name: StageName, stage: &Stage, depth: u64) -> Result<Vec<DeadLetter>, AwsError> {
    let mut seen: BTreeMap<String, DeadLetter> = BTreeMap::new();
    for _ in 0..RECEIVES {
        let answer = client
            .receive_message()
            .queue_url(&stage.dlq_url)
            .max_number_of_messages(PER_RECEIVE)
            .visibility_timeout(0)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .doing(|| format!("look into queue {}", stage.dlq_name))?;
        let before = seen.len();
        for message in answer.messages() {
            let letter = DeadLetter::from_message(name, message);
            seen.insert(letter.message_id.clone(), letter);
        }
        if seen.len() == before || seen.len() as u64 >= depth {
            break;
        }
    }
    Ok(seen.into_values().collect())
}

impl DeadLetter {
    /// Reads a message of the queue of `queue_stage`.
    pub fn from_message(queue_stage: StageName, message: &Message) -> Self {
        let attribute = |name: &str| {
            let value = message.message_attributes().and_then(|attributes| attributes.get(name));
            value.and_then(|value| value.string_value()).map(str::to_owned)
        };
        let body = message.body().unwrap_or_default();
        let envelope: Value = serde_json::from_str(body).unwrap_or_default();
        let (origin, code, words) = if attribute("RULE_ARN").is_some() {
            (Origin::EventBridge, attribute("ERROR_CODE"), attribute("ERROR_MESSAGE"))
        } else if attribute("Stage").is_some() {
            (Origin::Rejected, attribute("ErrorCode"), attribute("ErrorMessage"))
        } else if attribute("RequestID").is_some() {
            (Origin::Lambda, attribute("ErrorCode"), attribute("ErrorMessage"))
        } else {
            (Origin::Unknown, None, None)
        };
        let sent_at = message
            .attributes()
            .and_then(|attributes| attributes.get(&MessageSystemAttributeName::SentTimestamp))
            .and_then(|text| text.parse().ok())
            .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
        let stage = attribute("Stage");
        Self {
            message_id: message.message_id().unwrap_or_default().to_owned(),
            origin,
            code: code.unwrap_or_else(|| "unknown".to_owned()),
            message: readable(&words.unwrap_or_default()),
            stage: StageName::ALL
                .into_iter()
                .find(|name| Some(name.as_str()) == stage.as_deref())
                .unwrap_or(queue_stage),
            sent_at,
            event_id: detail(&envelope, "event_id").or_else(|| text(&envelope["id"])),
            symbol: detail(&envelope, "symbol"),
            body: body.to_owned(),
        }
    }
}

/// A field of the raw event, or of the event that a derived one carries.
fn detail(envelope: &Value, field: &str) -> Option<String> {
    text(&envelope["detail"]["event"][field]).or_else(|| text(&envelope["detail"][field]))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Lambda's message is the handler's error as JSON; a person wants the words in it.
fn readable(words: &str) -> String {
    let error: Value = serde_json::from_str(words).unwrap_or_default();
    text(&error["errorMessage"]).unwrap_or_else(|| words.to_owned())
}

/// Groups by origin, code and stage, the most frequent first. The messages' words differ in ids and values, so one
/// stands for all.
pub fn group(letters: &[DeadLetter]) -> Vec<Cause> {
    let mut groups: BTreeMap<(Origin, &str, StageName), Vec<&DeadLetter>> = BTreeMap::new();
    for letter in letters {
        groups.entry((letter.origin, &letter.code, letter.stage)).or_default().push(letter);
    }
    let mut causes: Vec<Cause> = groups
        .into_iter()
        .filter_map(|((origin, code, stage), letters)| {
            let example = letters.iter().min_by_key(|letter| letter.sent_at)?;
            Some(Cause {
                origin,
                code: code.to_owned(),
                stage,
                example: example.message.clone(),
                example_event_id: example.event_id.clone(),
                count: letters.len(),
            })
        })
        .collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
    causes
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesOutput;
    use aws_sdk_sqs::operation::receive_message::ReceiveMessageOutput;
    use aws_sdk_sqs::types::MessageAttributeValue;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::testing;
    use crate::stack::samples;

    fn message(id: &str, body: &str, attributes: &[(&str, &str)]) -> Message {
        let mut message = Message::builder()
            .message_id(id)
            .body(body)
            .attributes(MessageSystemAttributeName::SentTimestamp, "1795348800000");
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(*value).build().unwrap();
            message = message.message_attributes(*name, value);
        }
        message.build()
    }

    fn depth(visible: &'static str) -> Rule {
        mock!(Client::get_queue_attributes).then_output(move || {
            GetQueueAttributesOutput::builder()
                .attributes(QueueAttributeName::ApproximateNumberOfMessages, visible)
                .attributes(QueueAttributeName::ApproximateNumberOfMessagesNotVisible, "1")
                .build()
        })
    }

    #[test]
    fn each_origin_is_known_by_its_attributes() {
        let raw = r#"{"id":"bus-1","detail":{"event_id":"e1","symbol":"BTCUSDT"}}"#;
        let derived =
            r#"{"id":"bus-2","detail":{"event_id":"e1:validated","event":{"event_id":"e1","symbol":"BTCUSDT"}}}"#;
        let cases = [
            (
                raw,
                &[("Stage", "ingestion"), ("RequestID", "r"), ("ErrorCode", "VALIDATION"), ("ErrorMessage", "price")][..],
                (Origin::Rejected, "VALIDATION", "price", StageName::Ingestion),
            ),
            (
                derived,
                &[("RequestID", "r"), ("ErrorCode", "200"), ("ErrorMessage", r#"{"errorMessage":"timed out"}"#)],
                (Origin::Lambda, "200", "timed out", StageName::Processing),
            ),
            (
                derived,
                &[("RULE_ARN", "a"), ("ERROR_CODE", "NO_PERMISSIONS"), ("ERROR_MESSAGE", "no")],
                (Origin::EventBridge, "NO_PERMISSIONS", "no", StageName::Processing),
            ),
            (derived, &[], (Origin::Unknown, "unknown", "", StageName::Processing)),
        ];
        for (body, attributes, expected) in cases {
            let letter = DeadLetter::from_message(StageName::Processing, &message("m", body, attributes));
            assert_eq!((letter.origin, letter.code.as_str(), letter.message.as_str(), letter.stage), expected);
            assert_eq!((letter.event_id.as_deref(), letter.symbol.as_deref()), (Some("e1"), Some("BTCUSDT")));
        }
        let letter = DeadLetter::from_message(StageName::Ingestion, &message("m", "not json", &[]));
        assert_eq!((letter.event_id, letter.body.as_str()), (None, "not json"));
    }

    #[tokio::test]
    async fn a_look_hides_nothing_and_ends_when_nothing_new_comes() {
        let round = AtomicUsize::new(0);
        let receive = mock!(Client::receive_message)
            .match_requests(|request| request.visibility_timeout() == Some(0))
            .then_compute_output(move |_| {
                // Two new messages, then one new and one known, then only known ones.
                let ids = [["a", "b"], ["b", "c"], ["a", "c"], ["d", "e"]][round.fetch_add(1, Ordering::Relaxed)];
                let attributes = [("Stage", "ingestion"), ("ErrorCode", "VALIDATION"), ("ErrorMessage", "price")];
                let messages = ids.map(|id| message(id, "{}", &attributes)).to_vec();
                ReceiveMessageOutput::builder().set_messages(Some(messages)).build()
            });
        let depth = depth("7");
        let clients = testing::clients(&[&depth, &receive]);
        let stack = samples::stack();
        let queue = read_queue(&clients.sqs, StageName::Ingestion, &stack.stages.ingestion).await.unwrap();
        assert_eq!((queue.depth, queue.in_flight, queue.sampled), (7, 1, 3));
        assert_eq!(
            queue.causes.iter().map(|cause| (cause.code.as_str(), cause.count)).collect::<Vec<_>>(),
            [("VALIDATION", 3)]
        );
        assert_eq!(queue.oldest, Timestamp::from_millisecond(1_795_348_800_000).ok());
        assert_eq!(receive.num_calls(), 3);
    }

    #[tokio::test]
    async fn an_empty_queue_is_not_received_from() {
        let depth = depth("0");
        let clients = testing::clients(&[&depth]);
        let queues = read(&clients.sqs, &samples::stack()).await.unwrap();
        assert_eq!(queues.iter().map(|queue| queue.sampled).sum::<usize>(), 0);
        assert_eq!(depth.num_calls(), 3);
    }
}
