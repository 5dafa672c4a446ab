//! How the stack was, as far as AWS keeps that.

use aws_sdk_cloudwatch::Client;
use futures::future::try_join_all;
use jiff::Timestamp;

use crate::aws::alarms::{self, Alarm};
use crate::aws::dead_letters::DeadLetterQueue;
use crate::aws::{AwsError, queue_metrics};
use crate::stack::{AlarmName, Stack};

/// The alarms' states at a time in the past.
pub(super) async fn alarms(
    client: &Client,
    expected: &[AlarmName],
    at: Timestamp,
    now: Timestamp,
) -> Result<Vec<Alarm>, AwsError> {
    let present = alarms::read(client, expected).await?;
    alarms::at(client, present, at, now).await
}

/// The queues' depths at a time in the past, from their metrics; what was in them is not kept.
pub(super) async fn dead_letters(
    client: &Client,
    stack: &Stack,
    at: Timestamp,
) -> Result<Vec<DeadLetterQueue>, AwsError> {
    let queues = stack.stages.iter().map(|(stage, queue)| async move {
        let past = Box::pin(queue_metrics::at(client, &queue.dlq_name, at)).await?;
        Ok(DeadLetterQueue {
            stage,
            name: queue.dlq_name.clone(),
            depth: past.depth,
            in_flight: past.in_flight,
            sampled: 0,
            oldest: past.oldest,
            causes: Vec::new(),
        })
    });
    try_join_all(queues).await
}
