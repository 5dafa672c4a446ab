//! What the three functions do alike: read the envelope, get the settings, let the stage decide, and then audit it, send a
//! dead letter or fail, count, and answer, in time.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use market::envelope::Envelope;
use market::fault::{FaultCode, Rejection, RejectionCode};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tracing::Instrument as _;

use crate::audit::{Audit, AuditRow, Status};
use crate::aws::OPERATION_TIMEOUT;
use crate::clock::{BoxFuture, Deadline, SharedClock, elapsed, within};
use crate::dead_letter::DeadLetters;
use crate::failure::{CallError, Failure};
use crate::identity::Identity;
use crate::settings::{InUse, Settings, SettingsCache};
use crate::stage::Stage;
use crate::telemetry::metrics::{Counts, Line, Sink, counted};

/// Kept for the answer to Lambda, whatever else fails.
const TO_ANSWER: Duration = Duration::from_millis(500);
/// For the settings before the first event. Lambda gives a start 10 s, and then begins it all over again.
const TO_PREPARE: Duration = Duration::from_secs(8);

/// What a stage does with an event. Everything else is the [`Host`]'s.
pub trait Work {
    /// Which stage.
    const STAGE: Stage;
    /// The kind of event it works on.
    const DETAIL_TYPE: &'static str;
    /// Its settings.
    type Settings: Settings;

    /// Does the work. What is written to `progress` counts even if the work fails or runs out of time.
    fn handle(
        &self,
        call: &Call,
        settings: &Self::Settings,
        progress: &mut Progress,
    ) -> impl Future<Output = Result<Outcome, Failure>>;
}

/// An invocation, as the stage sees it.
#[derive(Debug, Clone)]
pub struct Call {
    /// The event.
    pub envelope: Envelope,
    /// Lambda's request id, the same for all attempts of an asynchronous invocation.
    pub request_id: String,
    /// The X-Ray header of this invocation, to hand on.
    pub trace_header: Option<String>,
    /// When the invocation began.
    pub received_at: Timestamp,
    /// When the work has to be done.
    pub deadline: Deadline,
    /// When Lambda ends the invocation.
    pub killed_at: Timestamp,
    /// Everything about this event is logged, here and in the stages after this one.
    pub debug: bool,
}

impl Call {
    /// X-Ray's id of the trace (`1-…`), from the header.
    pub fn trace_id(&self) -> Option<&str> {
        self.trace_header.as_deref().and_then(trace_id)
    }
}

/// `Root` of `Root=1-…;Parent=…;Sampled=1`.
fn trace_id(header: &str) -> Option<&str> {
    header.split(';').find_map(|part| part.trim().strip_prefix("Root="))
}

/// What has been done so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// For the metrics.
    pub counts: Counts,
    /// Further attributes of the audit row.
    pub details: Vec<(&'static str, AttributeValue)>,
    /// For the audit row's `error_message`: what did not go as it should although the attempt did not fail.
    pub remark: Option<String>,
}

/// How it ended.
pub struct Outcome {
    /// For the audit row.
    pub status: Status,
    /// A last call that may run while the audit row is written; it deals with its own errors.
    pub alongside: Option<BoxFuture<'static, ()>>,
}

impl From<Status> for Outcome {
    fn from(status: Status) -> Self {
        Self { status, alongside: None }
    }
}

/// A stage at work.
pub struct Host<W: Work> {
    work: W,
    clock: SharedClock,
    settings: SettingsCache<W::Settings>,
    audit: Audit,
    dead_letters: DeadLetters,
    metrics: Sink,
    warm: AtomicBool,
}

impl<W: Work> Host<W> {
    /// A host for `work`, with its settings below `prefix`.
    pub fn new(work: W, config: &SdkConfig, prefix: &str, clock: SharedClock, metrics: Sink) -> Self {
        Self {
            work,
            settings: SettingsCache::new(config, prefix, clock.clone()),
            audit: Audit::new(config),
            dead_letters: DeadLetters::new(config),
            clock,
            metrics,
            warm: AtomicBool::new(false),
        }
    }

    /// Reads the settings ahead of the first event, while starting costs nobody any waiting. An error is only logged: the
    /// first event tries again and reports it.
    pub async fn prepare(&self) {
        match within(&self.clock, TO_PREPARE, Box::pin(self.settings.get())).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => tracing::error!(%error, "failed to read the settings while starting"),
            None => tracing::error!("failed to read the settings while starting: no answer in {TO_PREPARE:?}"),
        }
    }

    /// Handles an invocation. An error makes Lambda try again.
    pub async fn invoke(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Value, Diagnostic> {
        let (payload, context) = event.into_parts();
        let identity = Identity::of(payload.get(), &context.request_id);
        let span = tracing::info_span!(
            "stage",
            "otel.name" = W::STAGE.as_str(),
            stage = W::STAGE.as_str(),
            request_id = context.request_id,
            xray_trace_id = context.xray_trace_id.as_deref().and_then(trace_id),
            correlation_id = identity.correlation_id,
            event_id = identity.event_id,
            symbol = identity.symbol,
            debug = identity.debug.then_some(true),
            "annotation.event_id" = identity.event_id,
            "annotation.symbol" = identity.symbol,
            "annotation.event_type" = identity.event_type,
        );
        self.attempt(payload.get(), &context, &identity).instrument(span).await
    }

    async fn attempt(&self, payload: &str, context: &Context, identity: &Identity) -> Result<Value, Diagnostic> {
        let began = self.clock.now();
        let killed_at = i64::try_from(context.deadline).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
        let killed_at = killed_at.unwrap_or(Timestamp::MAX);
        let mut attempt = Attempt {
            payload,
            context,
            identity,
            began,
            killed_at,
            deadline: Deadline::new(began, killed_at),
            cold: !self.warm.swap(true, Ordering::Relaxed),
            debug: identity.debug,
        };
        let mut progress = Progress::default();
        let settings = match within(&self.clock, attempt.deadline.remaining(began), Box::pin(self.settings.get())).await
        {
            Some(Ok(settings)) => settings,
            // Without settings there is no table to write the audit row to.
            Some(Err(error)) => return self.finish(&attempt, &progress, Status::Failed, Some(error.to_string())),
            None => {
                let message = "failed to read the settings in time".to_owned();
                return self.finish(&attempt, &progress, Status::Failed, Some(message));
            }
        };
        let settings = settings.as_ref();
        progress.counts.rules_invalid = settings.rules().is_some_and(|rules| rules.in_use != InUse::Current).into();
        if !attempt.debug && settings.debug_sampling().includes(&identity.event_id) {
            attempt.debug = true;
            tracing::Span::current().record("debug", true);
        }
        let failure = match self.work(&attempt, settings, &mut progress).await {
            Ok(Outcome { status, alongside }) => {
                let remark = progress.remark.clone();
                let audit = self.audit(&attempt, settings, &progress, status, remark.clone());
                let alongside = alongside.unwrap_or_else(|| Box::pin(std::future::ready(())));
                // The row belongs to the work: if it cannot be written, the attempt is repeated, and finds all else done.
                match futures::join!(audit, alongside).0 {
                    Ok(()) => return self.finish(&attempt, &progress, status, remark),
                    Err(error) => error.into(),
                }
            }
            Err(failure) => failure,
        };
        self.fail(&attempt, settings, &progress, failure).await
    }

    /// Lets the stage work, within its time.
    async fn work(
        &self,
        attempt: &Attempt<'_>,
        settings: &W::Settings,
        progress: &mut Progress,
    ) -> Result<Outcome, Failure> {
        let envelope = Envelope::parse(attempt.payload.as_bytes())?;
        if envelope.detail_type != W::DETAIL_TYPE {
            let message = format!("must be {} for {}, not {:?}", W::DETAIL_TYPE, W::STAGE, envelope.detail_type);
            let code = RejectionCode::Malformed;
            return Err(Rejection::single(code, "detail-type", FaultCode::UnknownValue, message).into());
        }
        let call = Call {
            envelope,
            request_id: attempt.context.request_id.clone(),
            trace_header: attempt.context.xray_trace_id.clone(),
            received_at: attempt.began,
            deadline: attempt.deadline,
            killed_at: attempt.killed_at,
            debug: attempt.debug,
        };
        let time = call.deadline.remaining(self.clock.now());
        // On the heap: the SDK's futures are large, and they would lie in the futures of all callers.
        let handled = Box::pin(self.work.handle(&call, settings, progress));
        let done = within(&self.clock, time, handled).await;
        done.unwrap_or_else(|| {
            Err(Failure::Transient(format!("failed to finish in time: the work was stopped after {time:?}")))
        })
    }

    async fn fail(
        &self,
        attempt: &Attempt<'_>,
        settings: &W::Settings,
        progress: &Progress,
        failure: Failure,
    ) -> Result<Value, Diagnostic> {
        let error = match failure {
            Failure::Permanent(rejection) => {
                let request_id = &attempt.context.request_id;
                let url = settings.dlq_url();
                let send = Box::pin(self.dead_letters.send(url, attempt.payload, &rejection, request_id, W::STAGE));
                match self.in_time(attempt, "send a rejected event", send).await {
                    Ok(()) => {
                        let summary = format!("{}: {rejection}", rejection.code);
                        let row =
                            self.audit(attempt, settings, progress, Status::Rejected, Some(summary.clone())).await;
                        // To try again would send a second dead letter, so this row is not insisted on: the letter itself
                        // tells all that it would.
                        if let Err(error) = row {
                            tracing::error!(%error, "failed to audit a rejection");
                        }
                        return self.finish(attempt, progress, Status::Rejected, Some(summary));
                    }
                    // It must not be lost: Lambda tries again, and in the end sends a dead letter itself.
                    Err(error) => error.to_string(),
                }
            }
            Failure::Transient(error) => error,
        };
        if let Err(error) = self.audit(attempt, settings, progress, Status::Failed, Some(error.clone())).await {
            tracing::warn!(%error, "failed to audit a failure");
        }
        self.finish(attempt, progress, Status::Failed, Some(error))
    }

    async fn audit(
        &self,
        attempt: &Attempt<'_>,
        settings: &W::Settings,
        progress: &Progress,
        status: Status,
        error_message: Option<String>,
    ) -> Result<(), CallError> {
        let row = AuditRow {
            event_id: &attempt.identity.event_id,
            stage: W::STAGE,
            timestamp: attempt.began,
            function_name: &attempt.context.env_config.function_name,
            status,
            duration: elapsed(attempt.began, self.clock.now()),
            error_message,
            request_id: &attempt.context.request_id,
            trace_id: attempt.context.xray_trace_id.as_deref().and_then(trace_id),
            correlation_id: attempt.identity.correlation_id.as_deref(),
            event_timestamp: attempt.identity.timestamp,
            details: &progress.details,
        };
        let write = Box::pin(self.audit.write(settings.audit_table(), &row));
        self.in_time(attempt, "write the audit row", write).await
    }

    /// Gives what follows the work the time of one operation, or what is left of the invocation's but [`TO_ANSWER`].
    async fn in_time(
        &self,
        attempt: &Attempt<'_>,
        action: &str,
        call: impl Future<Output = Result<(), CallError>>,
    ) -> Result<(), CallError> {
        let left = elapsed(self.clock.now(), attempt.killed_at).saturating_sub(TO_ANSWER).min(OPERATION_TIMEOUT);
        let done = within(&self.clock, left, call).await;
        done.unwrap_or_else(|| Err(CallError::unanswered(action, format!("no answer in {left:?}"))))
    }

    /// Counts, logs and answers.
    fn finish(
        &self,
        attempt: &Attempt<'_>,
        progress: &Progress,
        status: Status,
        message: Option<String>,
    ) -> Result<Value, Diagnostic> {
        let Counts { duplicates, conflicts, processed, alerts, suppressed, rules_invalid, feed_lag } = progress.counts;
        let latency = elapsed(attempt.began, self.clock.now());
        self.metrics.write(Line {
            timestamp: self.clock.now().into(),
            stage: W::STAGE.as_str(),
            received: 1,
            rejected: counted((status == Status::Rejected).into()),
            failed: counted((status == Status::Failed).into()),
            duplicates: counted(duplicates),
            conflicts: counted(conflicts),
            processed: counted(processed),
            alerts: counted(alerts),
            suppressed: counted(suppressed),
            rules_invalid: counted(rules_invalid),
            cold_start: counted(attempt.cold.into()),
            feed_lag,
            stage_latency: latency,
            status: status.as_str(),
            request_id: attempt.context.request_id.clone(),
            event_id: attempt.identity.event_id.clone(),
            symbol: attempt.identity.symbol.clone().unwrap_or_default(),
        });
        let duration_ms = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        let message = message.unwrap_or_default();
        match status {
            Status::Failed => {
                tracing::error!(status = status.as_str(), duration_ms, error = message, "attempt failed");
                return Err(Diagnostic { error_type: "Transient".to_owned(), error_message: message });
            }
            Status::Rejected => {
                tracing::warn!(status = status.as_str(), duration_ms, error = message, "event rejected");
            }
            _ => {
                let remark = (!message.is_empty()).then_some(message);
                tracing::info!(status = status.as_str(), duration_ms, remark, "event handled");
            }
        }
        Ok(json!({"stage": W::STAGE.as_str(), "event_id": attempt.identity.event_id, "status": status.as_str()}))
    }
}

/// One attempt at an event.
struct Attempt<'a> {
    payload: &'a str,
    context: &'a Context,
    identity: &'a Identity,
    began: Timestamp,
    killed_at: Timestamp,
    deadline: Deadline,
    cold: bool,
    debug: bool,
}
