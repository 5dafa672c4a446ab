//! A queue in memory behind mocked calls.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::change_message_visibility_batch::ChangeMessageVisibilityBatchOutput;
use aws_sdk_sqs::operation::delete_message_batch::{DeleteMessageBatchInput, DeleteMessageBatchOutput};
use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesOutput;
use aws_sdk_sqs::operation::receive_message::{ReceiveMessageInput, ReceiveMessageOutput};
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchResultEntry, DeleteMessageBatchResultEntry, QueueAttributeName,
};
use aws_smithy_mocks::mock;

use crate::aws::dead_letters::samples::message;
use crate::aws::testing;

/// What is in it, and what is done to it.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// Messages by id: true while one is in somebody's hand.
    pub(super) messages: BTreeMap<String, bool>,
    /// Ids of which a delete fails so often.
    pub(super) refuse_delete: HashMap<String, u32>,
    /// Ids that a receive skips the first time.
    pub(super) missed_once: HashSet<String>,
    /// Messages that come in once so many receives were made.
    pub(super) arrive: Vec<(usize, String)>,
    /// How many receives were made.
    pub(super) receives: usize,
    /// Ids of what was deleted.
    pub(super) deleted: BTreeSet<String>,
    /// The size of each delete call.
    pub(super) deletes: Vec<usize>,
}

/// A queue.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue(Arc<Mutex<Contents>>);

impl Queue {
    /// A queue with messages `m0`, `m1` …
    pub(super) fn with(count: usize) -> Self {
        let queue = Self::default();
        queue.contents().messages = (0..count).map(|number| (format!("m{number:04}"), false)).collect();
        queue
    }

    pub(super) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap()
    }

    /// Ids of what is in it and in nobody's hand.
    pub(super) fn visible(&self) -> Vec<String> {
        self.contents().messages.iter().filter(|(_, held)| !**held).map(|(id, _)| id.clone()).collect()
    }

    /// A client that sees this queue, whatever URL it asks for.
    pub(super) fn client(&self) -> Client {
        let queue = self.clone();
        let depth = mock!(Client::get_queue_attributes).then_compute_output(move |_| {
            let contents = queue.contents();
            let held = contents.messages.values().filter(|held| **held).count();
            GetQueueAttributesOutput::builder()
                .attributes(
                    QueueAttributeName::ApproximateNumberOfMessages,
                    (contents.messages.len() - held).to_string(),
                )
                .attributes(QueueAttributeName::ApproximateNumberOfMessagesNotVisible, held.to_string())
                .build()
        });
        let queue = self.clone();
        let receive = mock!(Client::receive_message).then_compute_output(move |request| queue.receive(request));
        let queue = self.clone();
        let delete = mock!(Client::delete_message_batch).then_compute_output(move |request| queue.delete(request));
        let queue = self.clone();
        let release = mock!(Client::change_message_visibility_batch)
            .match_requests(|request| request.entries().iter().all(|entry| entry.visibility_timeout() == Some(0)))
            .then_compute_output(move |request| {
                let mut contents = queue.contents();
                let done = request.entries().iter().map(|entry| {
                    let id = entry.receipt_handle().trim_start_matches("receipt-").to_owned();
                    if let Some(held) = contents.messages.get_mut(&id) {
                        *held = false;
                    }
                    ChangeMessageVisibilityBatchResultEntry::builder().id(entry.id()).build().unwrap()
                });
                ChangeMessageVisibilityBatchOutput::builder()
                    .set_successful(Some(done.collect()))
                    .set_failed(Some(Vec::new()))
                    .build()
                    .unwrap()
            });
        testing::clients(&[&depth, &receive, &delete, &release]).sqs
    }

    fn receive(&self, request: &ReceiveMessageInput) -> ReceiveMessageOutput {
        assert_eq!((request.max_number_of_messages(), request.visibility_timeout()), (Some(10), Some(60)));
        let mut contents = self.contents();
        contents.receives += 1;
        let receives = contents.receives;
        let (now, later) = std::mem::take(&mut contents.arrive).into_iter().partition(|(at, _)| *at <= receives);
        contents.arrive = later;
        let now: Vec<(usize, String)> = now;
        contents.messages.extend(now.into_iter().map(|(_, id)| (id, false)));
        let missed = std::mem::take(&mut contents.missed_once);
        let free = contents.messages.iter_mut().filter(|(id, held)| !**held && !missed.contains(*id));
        let messages = free.take(10).map(|(id, held)| {
            *held = true;
            let body = format!(r#"{{"detail":{{"event_id":"{id}","symbol":"BTCUSDT","event_type":"trade"}}}}"#);
            message(id, &body, &[("RequestID", "r"), ("ErrorCode", "200"), ("ErrorMessage", "timed out")])
        });
        ReceiveMessageOutput::builder().set_messages(Some(messages.collect())).build()
    }

    fn delete(&self, request: &DeleteMessageBatchInput) -> DeleteMessageBatchOutput {
        let mut contents = self.contents();
        contents.deletes.push(request.entries().len());
        let (mut done, mut failed) = (Vec::new(), Vec::new());
        for entry in request.entries() {
            let id = entry.receipt_handle().trim_start_matches("receipt-").to_owned();
            if let Some(left) = contents.refuse_delete.get_mut(&id).filter(|left| **left > 0) {
                *left -= 1;
                let error = BatchResultErrorEntry::builder().id(entry.id()).code("InternalError");
                failed.push(error.sender_fault(false).build().unwrap());
            } else {
                contents.messages.remove(&id);
                contents.deleted.insert(id);
                done.push(DeleteMessageBatchResultEntry::builder().id(entry.id()).build().unwrap());
            }
        }
        DeleteMessageBatchOutput::builder().set_successful(Some(done)).set_failed(Some(failed)).build().unwrap()
    }
}
