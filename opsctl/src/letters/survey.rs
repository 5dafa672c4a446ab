//! A queue as it is, counted letter by letter.

use aws_sdk_sqs::Client;

use super::Drain;
use crate::aws::AwsError;
use crate::aws::dead_letters::{DeadLetter, DeadLetterQueue, Depth, group};
use crate::feed::stop::Stop;
use crate::stack::{Stage, StageName};

/// Reads every letter of a queue and gives all back. `progress` hears how many were read. Asked to stop, it counts what it
/// has seen until then.
pub async fn survey(
    client: &Client,
    name: StageName,
    stage: &Stage,
    stop: &Stop,
    progress: impl Fn(u64),
) -> Result<DeadLetterQueue, AwsError> {
    let mut drain = Drain::begin(client, name, stage).await?;
    let Depth { waiting: depth, in_flight } = drain.depth();
    let mut letters: Vec<DeadLetter> = Vec::new();
    let outcome = loop {
        if stop.is_requested() {
            break Ok(());
        }
        match drain.next().await {
            Ok(fresh) if fresh.is_empty() => break Ok(()),
            // Causes need no bodies, and a hundred thousand of them would fill the memory.
            Ok(fresh) => letters.extend(fresh.into_iter().map(|letter| DeadLetter { body: String::new(), ..letter })),
            Err(error) => break Err(error),
        }
        progress(drain.seen());
    };
    drain.release().await;
    outcome?;
    Ok(DeadLetterQueue {
        stage: name,
        name: stage.dlq_name.clone(),
        depth: depth.max(letters.len() as u64),
        in_flight,
        sampled: letters.len(),
        oldest: letters.iter().filter_map(|letter| letter.sent_at).min(),
        causes: group(&letters),
    })
}
