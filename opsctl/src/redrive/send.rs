//! Sending events again.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_lambda::operation::RequestId;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::machine::{Accepted, SendError};
use super::options::{Options, Via};
use super::parcel::Parcel;
use super::plan::PlannedLetter;
use crate::aws::{AwsError, AwsErrorKind, Clients, Doing, bus};
use crate::feed::stop::Stop;
use crate::stack::Stack;

/// Lambda's answer to an asynchronous invocation: it is in Lambda's own, durable queue.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_ResponseElements>
const ACCEPTED: i32 = 202;

/// Sends events to where they belong, not faster than it may.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    clients: Clients,
    stack: Arc<Stack>,
    via: Via,
    interval: Duration,
    next: Arc<Mutex<Instant>>,
    stop: Stop,
}

impl Sender {
    pub(super) fn new(clients: &Clients, stack: &Arc<Stack>, options: &Options, stop: &Stop) -> Self {
        Self {
            clients: clients.clone(),
            stack: Arc::clone(stack),
            via: options.via,
            interval: options.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate)),
            next: Arc::new(Mutex::new(Instant::now())),
            stop: stop.clone(),
        }
    }

    /// Sends a letter's event once its turn has come.
    pub(super) async fn send(&self, letter: &PlannedLetter) -> Result<Accepted, SendError> {
        if !self.interval.is_zero() {
            let due = {
                let mut next = self.next.lock().await;
                let due = (*next).max(Instant::now());
                *next = due + self.interval;
                due
            };
            self.stop.sleep(due.saturating_duration_since(Instant::now())).await;
        }
        if self.stop.is_requested() {
            return Err(SendError::Skipped);
        }
        // Before the call, so that whatever the stage writes about it is later.
        let at = Timestamp::now();
        let accepted_id = match self.via {
            Via::Function => self.invoke(letter).await,
            Via::Bus => self.publish(letter).await,
        }?;
        Ok(Accepted { accepted_id, at })
    }

    async fn invoke(&self, letter: &PlannedLetter) -> Result<Option<String>, SendError> {
        let function = &self.stack.stages.get(letter.stage).function_name;
        let request = self.clients.lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
        let answer = request.payload(Blob::new(letter.body.as_bytes())).send().await;
        let status = answer.as_ref().err().and_then(|error| error.raw_response()).map(|raw| raw.status().as_u16());
        let answer = answer.doing(|| format!("hand the event to function {function}"));
        let answer = answer.map_err(|error| failure(&error, status))?;
        if answer.status_code() != ACCEPTED {
            let reason = format!("function {function} answered {} instead of {ACCEPTED}", answer.status_code());
            return Err(SendError::Permanent(reason));
        }
        Ok(answer.request_id().map(str::to_owned))
    }

    async fn publish(&self, letter: &PlannedLetter) -> Result<Option<String>, SendError> {
        let entry = Parcel::open(&letter.body).and_then(|parcel| parcel.entry()).map_err(SendError::Permanent)?;
        let results = bus::put(&self.clients.eventbridge, &self.stack.event_bus.name, &[entry]).await;
        match results.map_err(|error| failure(&error, None))?.pop() {
            Some(Ok(id)) => Ok(Some(id)),
            Some(Err(error)) if error.is_transient() => Err(SendError::Transient(error.code)),
            Some(Err(error)) => Err(SendError::Permanent(format!("{}: {}", error.code, error.message))),
            None => Err(SendError::Unknown("the answer names no event".to_owned())),
        }
    }
}

/// What a failed call says about the next one, and about whether the event was accepted all the same.
fn failure(error: &AwsError, status: Option<u16>) -> SendError {
    let reason = error.to_string();
    match error.kind {
        kind if kind.is_lasting() => SendError::Fatal(reason),
        AwsErrorKind::Throttled => SendError::Transient(reason),
        AwsErrorKind::Unreachable => SendError::Unknown(reason),
        // Throttles and failures of AWS's own, and a function that is just being updated.
        _ if status.is_none_or(|status| status >= 500 || status == 409) => SendError::Transient(reason),
        _ => SendError::Permanent(reason),
    }
}
