//! After the drain: what the stages made of what they were sent.

use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::time::Instant;

use super::progress::Redriven;
use super::word::{self, Word};
use crate::aws::Clients;
use crate::feed::stop::Stop;
use crate::stack::Stack;

/// Reads at once.
const CONCURRENCY: usize = 16;
/// The time between two rounds over what is still open.
const ROUND: Duration = Duration::from_secs(1);

/// Asks the audit trail about every accepted event until each stage is through with its own, `time` is over, or somebody
/// asks to stop. `told` hears how many stages are through. What cannot be read is open: this is a report, and changes
/// nothing.
pub async fn follow(
    clients: &Clients,
    stack: &Stack,
    letters: &mut [Redriven],
    time: Duration,
    stop: &Stop,
    told: impl Fn(u64),
) {
    let deadline = Instant::now() + time;
    loop {
        // A loop and no closures, whose lifetimes would keep this from being a task of its own.
        let mut asked = Vec::new();
        for letter in letters.iter_mut() {
            let through = matches!(letter.stage_says, Some(Word::Through(_) | Word::Rejected));
            if through || letter.accepted.is_none() || stop.is_requested() {
                continue;
            }
            asked.push(async move {
                if let Some(accepted) = &letter.accepted
                    && let Ok(word) = word::ask(clients, stack, (&letter.event_id, letter.stage), accepted).await
                {
                    letter.stage_says = Some(word);
                }
            });
        }
        let mut asked = stream::iter(asked).buffer_unordered(CONCURRENCY);
        while !stop.is_requested() && asked.next().await.is_some() {}
        drop(asked);
        let accepted = letters.iter().filter(|letter| letter.accepted.is_some()).count();
        let through = letters
            .iter()
            .filter(|letter| matches!(letter.stage_says, Some(Word::Through(_) | Word::Rejected)))
            .count();
        told(through as u64);
        if through == accepted || stop.is_requested() || Instant::now() >= deadline {
            return;
        }
        stop.sleep(ROUND).await;
    }
}
