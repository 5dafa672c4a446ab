//! The two kinds of failure of a stage, and how a failed AWS call reads.

use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId as _;
use market::fault::Rejection;

use crate::store::UnreadableRow;

/// Why a stage could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event can never succeed. It goes to the stage's dead letter queue and is not tried again.
    #[error("rejected: {0}")]
    Permanent(#[from] Rejection),
    /// It may succeed later. Lambda tries again.
    #[error("{0}")]
    Transient(String),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Transient(error.to_string())
    }
}

impl From<UnreadableRow> for Failure {
    fn from(error: UnreadableRow) -> Self {
        Self::Transient(error.to_string())
    }
}

/// What is known about the effect of a call that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The service refused; nothing was done.
    None,
    /// The service refused because of its load; nothing was done, and soon it may work.
    Throttled,
    /// No answer, or one that does not say: it may have been done.
    Unknown,
}

/// A failed AWS call: what was to be done with what, why it failed, what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    action: String,
    cause: String,
    hint: &'static str,
    effect: Effect,
}

impl std::error::Error for CallError {}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}: {}", self.action, self.cause)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "; {}", self.hint) }
    }
}

impl CallError {
    /// `action` completes "failed to …" and names the resource.
    pub(crate) fn new<E>(action: impl Into<String>, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let effect = effect(error);
        let (cause, hint) = match error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or("unknown error");
                let message = service.err().message().unwrap_or("no message");
                let status = service.raw().status().as_u16();
                let request = service.raw().request_id().unwrap_or("unknown");
                (format!("{code}: {message} (HTTP {status}, request {request})"), hint(code, effect))
            }
            other => (DisplayErrorContext(other).to_string(), ""),
        };
        Self { action: action.into(), cause, hint, effect }
    }

    /// A call whose answer says that it failed.
    pub(crate) fn answered(action: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { action: action.into(), cause: cause.into(), hint: "", effect: Effect::None }
    }

    /// A call that was not waited for any longer.
    pub(crate) fn unanswered(action: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { action: action.into(), cause: cause.into(), hint: "", effect: Effect::Unknown }
    }

    /// What is known about the call's effect.
    pub fn effect(&self) -> Effect {
        self.effect
    }
}

fn effect<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Effect {
    match error {
        SdkError::ConstructionFailure(_) => Effect::None,
        SdkError::ServiceError(service) => {
            let code = service.err().code().unwrap_or_default();
            match service.raw().status().as_u16() {
                429 => Effect::Throttled,
                400..=499 if code.contains("Throttl") || code.contains("LimitExceeded") => Effect::Throttled,
                400..=499 => Effect::None,
                _ => Effect::Unknown,
            }
        }
        _ => Effect::Unknown,
    }
}

/// What to do about the errors that do not pass by themselves.
fn hint(code: &str, effect: Effect) -> &'static str {
    if effect != Effect::None {
        return "";
    }
    if code.contains("AccessDenied") || code.contains("AuthorizationError") {
        "check the policy of the function's role"
    } else if code.contains("NotFound") || code.contains("NonExistent") || code.contains("DoesNotExist") {
        "check that it exists and that the parameter which names it is right (terraform apply sets both)"
    } else {
        ""
    }
}
