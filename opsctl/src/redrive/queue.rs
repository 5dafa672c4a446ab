//! What a redrive does to a queue.

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, DeleteMessageBatchResultEntry,
};

use super::machine::{DeleteError, MessageId, Receipt};
use crate::aws::{AwsError, Doing};
use crate::stack::Stage;

/// A receive brings at most so many.
const MOST: i32 = 10;
/// A receive waits so long for a message, in seconds: only then SQS asks all of its servers.
const WAIT: i32 = 1;

/// A dead letter queue.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub(super) client: Client,
    pub(super) stage: Stage,
    /// For how long what is received is hidden.
    pub(super) hold: Duration,
}

/// Messages and their latest receipts.
pub(super) type Batch = [(MessageId, Receipt)];

impl Queue {
    /// Receives up to ten messages: only their ids and receipts, since the plan has their bodies.
    pub(super) async fn receive(&self) -> Result<Vec<(MessageId, Receipt)>, AwsError> {
        let request = self.client.receive_message().queue_url(&self.stage.dlq_url).max_number_of_messages(MOST);
        let request = request.visibility_timeout(seconds(self.hold)).wait_time_seconds(WAIT);
        let answer = request.send().await.doing(|| format!("receive from queue {}", self.stage.dlq_name))?;
        let messages = answer.messages.unwrap_or_default().into_iter();
        Ok(messages.filter_map(|message| Some((message.message_id?, message.receipt_handle?))).collect())
    }

    /// Deletes up to ten messages, and tells of each whether it is gone.
    pub(super) async fn delete(&self, batch: &Batch) -> Vec<(MessageId, Result<(), DeleteError>)> {
        let all = |error: &DeleteError| batch.iter().map(|(id, _)| (id.clone(), Err(error.clone()))).collect();
        let entries = batch.iter().enumerate().map(|(number, (_, receipt))| {
            DeleteMessageBatchRequestEntry::builder().id(number.to_string()).receipt_handle(receipt).build()
        });
        let entries = match entries.collect::<Result<Vec<_>, _>>() {
            Ok(entries) => entries,
            Err(error) => return all(&DeleteError::Fatal(format!("failed to name the letters to delete: {error}"))),
        };
        let request = self.client.delete_message_batch().queue_url(&self.stage.dlq_url).set_entries(Some(entries));
        let answer = match request.send().await.doing(|| format!("delete from queue {}", self.stage.dlq_name)) {
            Ok(answer) => answer,
            Err(error) => return all(&undeleted(&error)),
        };
        let gone: HashSet<&str> = answer.successful().iter().map(DeleteMessageBatchResultEntry::id).collect();
        let result = |number: usize| {
            let number = number.to_string();
            if gone.contains(number.as_str()) {
                return Ok(());
            }
            let failed = answer.failed().iter().find(|entry| entry.id() == number);
            Err(failed.map_or_else(
                // What the answer does not name was not proven to be deleted.
                || DeleteError::Transient("the answer does not name it".to_owned()),
                |entry| undeleted_entry(entry.code(), entry.message().unwrap_or_default()),
            ))
        };
        batch.iter().enumerate().map(|(number, (id, _))| (id.clone(), result(number))).collect()
    }

    /// Hides up to ten messages for as long again. What fails is received again: nothing depends on it.
    pub(super) async fn extend(&self, batch: &Batch) {
        self.change(batch, self.hold).await;
    }

    /// Makes up to ten messages visible again. What fails becomes visible by itself.
    pub(super) async fn release(&self, batch: &Batch) {
        self.change(batch, Duration::ZERO).await;
    }

    async fn change(&self, batch: &Batch, hidden: Duration) {
        let entries = batch.iter().enumerate().filter_map(|(number, (_, receipt))| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(number.to_string());
            entry.receipt_handle(receipt).visibility_timeout(seconds(hidden)).build().ok()
        });
        let request = self.client.change_message_visibility_batch().queue_url(&self.stage.dlq_url);
        let _ = request.set_entries(Some(entries.collect())).send().await;
    }
}

fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}

fn undeleted(error: &AwsError) -> DeleteError {
    let reason = error.to_string();
    if error.kind.is_lasting() { DeleteError::Fatal(reason) } else { DeleteError::Transient(reason) }
}

fn undeleted_entry(code: &str, message: &str) -> DeleteError {
    if code.contains("ReceiptHandle") || code.contains("InvalidParameterValue") {
        return DeleteError::Expired;
    }
    let reason = format!("{code}: {message}");
    if code.contains("AccessDenied") { DeleteError::Fatal(reason) } else { DeleteError::Transient(reason) }
}
