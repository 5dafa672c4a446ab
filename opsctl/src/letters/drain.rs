//! Every letter of a queue, held in hand until it is deleted or given back.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    DeleteMessageBatchResultEntry,
};
use futures::future::join_all;
use serde::Serialize;

use crate::aws::dead_letters::{DeadLetter, Depth, SYSTEM_ATTRIBUTES, depth};
use crate::aws::{AwsError, Doing};
use crate::change::{Change, Permit};
use crate::error::Result;
use crate::stack::{Stack, Stage, StageName};

/// How long a letter stays hidden from others once it is in hand, should nobody be left to give it back.
pub const HOLD: Duration = Duration::from_mins(1);

/// A call receives, deletes or releases at most so many.
const BATCH: usize = 10;
/// At most so many calls at a time.
const CALLS: usize = 8;
/// A receive waits so long for a letter, in seconds: then it asks every server of SQS and not only some.
const WAIT: i32 = 1;
/// So many rounds without a letter that is new end the reading of a queue that should have more.
const QUIET_ROUNDS: u32 = 3;
/// So often a letter is tried to be deleted.
const ATTEMPTS: u32 = 3;

/// Reads a queue to its end. What it received is hidden from everybody else, so that every receive brings others: for no
/// longer than [`HOLD`], and given back at once by [`Drain::release`], which must be called however the reading ends.
#[derive(Debug)]
pub struct Drain {
    client: Client,
    name: StageName,
    stage: Stage,
    depth: Depth,
    seen: HashSet<String>,
    held: HashMap<String, String>,
    calls: usize,
    quiet: u32,
}

/// A letter that could not be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Undeleted {
    /// Its id in the queue.
    pub message_id: String,
    /// Why.
    pub reason: String,
}

impl Drain {
    /// Reads how many letters there are. Nothing is in hand yet.
    pub async fn begin(client: &Client, name: StageName, stage: &Stage) -> Result<Self, AwsError> {
        Ok(Self {
            client: client.clone(),
            name,
            stage: stage.clone(),
            depth: depth(client, stage).await?,
            seen: HashSet::new(),
            held: HashMap::new(),
            calls: 1,
            quiet: 0,
        })
    }

    /// What the queue had at the beginning, as SQS estimates it.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// How many letters were seen, each counted once.
    pub fn seen(&self) -> u64 {
        self.seen.len() as u64
    }

    /// Takes more letters into hand and gives those that were not seen before; none of them is the end of the queue.
    ///
    /// A receive may miss letters that are there. So the end is believed when all that SQS counted were seen and one more
    /// look brings nothing new, and otherwise after several such looks.
    pub async fn next(&mut self) -> Result<Vec<DeadLetter>, AwsError> {
        loop {
            let answers = join_all((0..self.calls).map(|_| self.receive())).await;
            let (mut fresh, mut failure, mut full) = (Vec::new(), None, true);
            for answer in answers {
                match answer {
                    Ok(letters) => {
                        full &= letters.len() == BATCH;
                        for letter in letters {
                            // The latest receipt is the one that counts.
                            if let Some(receipt) = &letter.receipt {
                                self.held.insert(letter.message_id.clone(), receipt.clone());
                            }
                            if self.seen.insert(letter.message_id.clone()) {
                                fresh.push(letter);
                            }
                        }
                    }
                    Err(error) => failure = Some(error),
                }
            }
            if let Some(error) = failure {
                return Err(error);
            }
            self.calls = if full { (self.calls * 2).min(CALLS) } else { 1 };
            if !fresh.is_empty() {
                self.quiet = 0;
                return Ok(fresh);
            }
            self.quiet += 1;
            if self.quiet >= QUIET_ROUNDS || self.seen() >= self.depth.waiting {
                return Ok(fresh);
            }
        }
    }

    async fn receive(&self) -> Result<Vec<DeadLetter>, AwsError> {
        let answer = self
            .client
            .receive_message()
            .queue_url(&self.stage.dlq_url)
            .max_number_of_messages(i32::try_from(BATCH).unwrap_or(i32::MAX))
            .visibility_timeout(i32::try_from(HOLD.as_secs()).unwrap_or(i32::MAX))
            .wait_time_seconds(WAIT)
            .message_attribute_names("All")
            .set_message_system_attribute_names(Some(SYSTEM_ATTRIBUTES.to_vec()))
            .send()
            .await
            .doing(|| format!("read queue {}", self.stage.dlq_name))?;
        Ok(answer.messages().iter().map(|message| DeadLetter::from_message(self.name, message)).collect())
    }

    /// Deletes letters that are in hand, and tells which could not be. Those stay in hand.
    pub async fn delete(&mut self, stack: &Stack, permit: &Permit, ids: &[String]) -> Result<Vec<Undeleted>> {
        permit.check(Change::Purge, stack)?;
        let mut open: HashMap<String, String> =
            ids.iter().map(|id| (id.clone(), "is not in hand".to_owned())).collect();
        for _ in 0..ATTEMPTS {
            let entries =
                open.keys().filter_map(|id| Some((id.clone(), self.held.get(id)?.clone()))).collect::<Vec<_>>();
            for calls in entries.chunks(BATCH * CALLS) {
                let answers = join_all(calls.chunks(BATCH).map(|batch| self.delete_batch(batch))).await;
                for (id, outcome) in answers.into_iter().flatten() {
                    match outcome {
                        None => {
                            self.held.remove(&id);
                            open.remove(&id);
                        }
                        Some(reason) => {
                            open.insert(id, reason);
                        }
                    }
                }
            }
            if open.is_empty() {
                break;
            }
        }
        let mut undeleted: Vec<Undeleted> =
            open.into_iter().map(|(message_id, reason)| Undeleted { message_id, reason }).collect();
        undeleted.sort_by(|one, other| one.message_id.cmp(&other.message_id));
        Ok(undeleted)
    }

    /// Each of the batch with why it was not deleted.
    async fn delete_batch(&self, batch: &[(String, String)]) -> Vec<(String, Option<String>)> {
        let entries = batch.iter().enumerate().map(|(number, (_, receipt))| {
            DeleteMessageBatchRequestEntry::builder().id(number.to_string()).receipt_handle(receipt).build()
        });
        let all = |reason: &str| batch.iter().map(|(id, _)| (id.clone(), Some(reason.to_owned()))).collect();
        let entries = match entries.collect::<Result<Vec<_>, _>>() {
            Ok(entries) => entries,
            Err(error) => return all(&error.to_string()),
        };
        let request = self.client.delete_message_batch().queue_url(&self.stage.dlq_url).set_entries(Some(entries));
        let answer = match request.send().await.doing(|| format!("delete from queue {}", self.stage.dlq_name)) {
            Ok(answer) => answer,
            Err(error) => return all(&error.to_string()),
        };
        let done: HashSet<&str> = answer.successful().iter().map(DeleteMessageBatchResultEntry::id).collect();
        let mut results = Vec::with_capacity(batch.len());
        for (number, (id, _)) in batch.iter().enumerate() {
            let number = number.to_string();
            let failed = answer.failed().iter().find(|entry| entry.id() == number).map(reason);
            // What the answer does not name was not proven to be deleted.
            let unnamed = || (!done.contains(number.as_str())).then(|| "the answer does not name it".to_owned());
            results.push((id.clone(), failed.or_else(unnamed)));
        }
        results
    }

    /// Gives back all that is still in hand, to be seen by everybody at once. Tells how many could not be given back: they
    /// are seen again within [`HOLD`], unless somebody else deleted them meanwhile.
    pub async fn release(self) -> u64 {
        let receipts: Vec<&String> = self.held.values().collect();
        let mut left = 0;
        for calls in receipts.chunks(BATCH * CALLS) {
            let counts = join_all(calls.chunks(BATCH).map(|batch| self.release_batch(batch))).await;
            left += counts.into_iter().sum::<u64>();
        }
        left
    }

    /// How many of the batch were not given back.
    async fn release_batch(&self, batch: &[&String]) -> u64 {
        let entries = batch.iter().enumerate().filter_map(|(number, receipt)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(number.to_string());
            entry.receipt_handle(*receipt).visibility_timeout(0).build().ok()
        });
        let request = self.client.change_message_visibility_batch().queue_url(&self.stage.dlq_url);
        let request = request.set_entries(Some(entries.collect()));
        let released = request.send().await.map_or(0, |answer| answer.successful().len());
        batch.len().saturating_sub(released) as u64
    }
}

fn reason(entry: &BatchResultErrorEntry) -> String {
    match entry.message() {
        Some(message) => format!("{}: {message}", entry.code()),
        None => entry.code().to_owned(),
    }
}
