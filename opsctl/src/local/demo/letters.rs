//! All that is in the dead letter queues. The console's own look takes a sample; a verdict needs every letter.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sqs::types::MessageSystemAttributeName;
use tokio::time::sleep;

use crate::aws::dead_letters::DeadLetter;
use crate::aws::{AwsError, Clients, Doing};
use crate::stack::{Stack, Stage, StageName};

/// How long a letter stays hidden once it was seen, so that the next call brings others. No longer, for the queues are
/// the user's to look into.
const HIDDEN: Duration = Duration::from_secs(3);
/// A queue may answer with nothing although it has letters.
const EMPTY_ANSWERS: usize = 3;
/// Ends the reading of a queue whose letters come back faster than they can be read.
const MOST_ANSWERS: usize = 1000;

/// Every letter in every queue, with the stage whose queue it is in. They are left where they are.
pub async fn all(clients: &Clients, stack: &Stack) -> Result<Vec<(StageName, DeadLetter)>, AwsError> {
    let queues = stack.stages.iter().map(|(name, stage)| one(clients, name, stage));
    let letters = futures::future::try_join_all(queues).await?.concat();
    if !letters.is_empty() {
        sleep(HIDDEN + Duration::from_millis(500)).await;
    }
    Ok(letters)
}

async fn one(clients: &Clients, name: StageName, stage: &Stage) -> Result<Vec<(StageName, DeadLetter)>, AwsError> {
    let mut seen = BTreeMap::new();
    let mut empty = 0;
    for _ in 0..MOST_ANSWERS {
        let answer = clients
            .sqs
            .receive_message()
            .queue_url(&stage.dlq_url)
            .max_number_of_messages(10)
            .visibility_timeout(i32::try_from(HIDDEN.as_secs()).unwrap_or(i32::MAX))
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .doing(|| format!("look into queue {}", stage.dlq_name))?;
        let before = seen.len();
        for message in answer.messages() {
            let letter = DeadLetter::from_message(name, message);
            seen.insert(letter.message_id.clone(), (name, letter));
        }
        empty = if seen.len() > before { 0 } else { empty + 1 };
        if empty == EMPTY_ANSWERS {
            break;
        }
    }
    Ok(seen.into_values().collect())
}
