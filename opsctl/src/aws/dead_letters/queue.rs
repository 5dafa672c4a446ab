//! Dead letter queues, looked at without touching them.

use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::letter::{Cause, DeadLetter, SYSTEM_ATTRIBUTES, group};
use crate::aws::{AwsError, Doing};
use crate::stack::{Stack, Stage, StageName};

/// A receive returns at most so many messages.
const PER_RECEIVE: i32 = 10;
/// At most so many receives a queue and look.
const RECEIVES: usize = 5;

/// After this time the same depth may be of other messages.
pub const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(60);

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

/// A queue, and when it was looked into.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The queue.
    pub queue: DeadLetterQueue,
    /// When its causes were read.
    pub at: Timestamp,
}

/// Reads the depth of all queues at once, and the causes only where something changed since the last look, or that is
/// [`LOOK_AGAIN`] ago: a look is up to five calls, and who reads every five seconds pays for each.
pub async fn refresh(client: &Client, stack: &Stack, known: &[Look], now: Timestamp) -> Result<Vec<Look>, AwsError> {
    let looks = stack.stages.iter().map(|(name, stage)| async move {
        let depth = depth(client, stage).await?;
        let same = |look: &&Look| {
            look.queue.stage == name
                && (look.queue.depth, look.queue.in_flight) == (depth.waiting, depth.in_flight)
                && now.duration_since(look.at) < LOOK_AGAIN
        };
        match known.iter().find(same) {
            Some(look) => Ok(look.clone()),
            None => Ok(Look { queue: look_into(client, name, stage, depth).await?, at: now }),
        }
    });
    try_join_all(looks).await
}

/// How many messages a queue has, as SQS estimates it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Depth {
    /// Messages waiting.
    pub waiting: u64,
    /// Messages that someone has received and neither deleted nor given back.
    pub in_flight: u64,
}

impl Depth {
    /// All of them.
    pub const fn total(self) -> u64 {
        self.waiting + self.in_flight
    }
}

/// Reads how many messages a queue has.
pub async fn depth(client: &Client, stage: &Stage) -> Result<Depth, AwsError> {
    let doing = || format!("read the depth of queue {}", stage.dlq_name);
    let answer = client
        .get_queue_attributes()
        .queue_url(&stage.dlq_url)
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
        .send()
        .await
        .doing(doing)?;
    let number = |attribute: &QueueAttributeName| {
        let text = answer.attributes().and_then(|attributes| attributes.get(attribute));
        text.and_then(|text| text.parse().ok())
            .ok_or_else(|| AwsError::unusable(doing(), format!("no {attribute} in it")))
    };
    Ok(Depth {
        waiting: number(&QueueAttributeName::ApproximateNumberOfMessages)?,
        in_flight: number(&QueueAttributeName::ApproximateNumberOfMessagesNotVisible)?,
    })
}

/// Reads depth and causes of one queue.
pub async fn read_queue(client: &Client, name: StageName, stage: &Stage) -> Result<DeadLetterQueue, AwsError> {
    let depth = depth(client, stage).await?;
    look_into(client, name, stage, depth).await
}

async fn look_into(
    client: &Client,
    name: StageName,
    stage: &Stage,
    Depth { waiting: depth, in_flight }: Depth,
) -> Result<DeadLetterQueue, AwsError> {
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
            .set_message_system_attribute_names(Some(SYSTEM_ATTRIBUTES.to_vec()))
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesOutput;
    use aws_sdk_sqs::operation::receive_message::ReceiveMessageOutput;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::dead_letters::samples::message;
    use crate::aws::testing;
    use crate::stack::samples::stack;

    fn depth(visible: &'static str) -> Rule {
        mock!(Client::get_queue_attributes).then_output(move || {
            GetQueueAttributesOutput::builder()
                .attributes(QueueAttributeName::ApproximateNumberOfMessages, visible)
                .attributes(QueueAttributeName::ApproximateNumberOfMessagesNotVisible, "1")
                .build()
        })
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
        let stack = stack();
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
        let queues = read(&clients.sqs, &stack()).await.unwrap();
        assert_eq!(queues.iter().map(|queue| queue.sampled).sum::<usize>(), 0);
        assert_eq!(depth.num_calls(), 3);
    }

    #[tokio::test]
    async fn the_same_depth_is_looked_into_again_only_after_a_while() {
        let depth = depth("1");
        let receive = mock!(Client::receive_message).then_output(|| {
            ReceiveMessageOutput::builder().messages(message("a", "{}", &[("Stage", "ingestion")])).build()
        });
        let client = testing::clients(&[&depth, &receive]).sqs;
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut known = Vec::new();
        let mut receives = Vec::new();
        for now in [0, 5, 59, 60] {
            known = refresh(&client, &stack(), &known, at(now)).await.unwrap();
            assert!(known.iter().all(|look| look.queue.sampled == 1));
            receives.push(receive.num_calls());
        }
        assert_eq!(receives, [3, 3, 3, 6]);
        for look in &mut known {
            look.queue.depth = 2;
        }
        refresh(&client, &stack(), &known, at(61)).await.unwrap();
        assert_eq!(receive.num_calls(), 9, "another depth is another look");
    }
}
