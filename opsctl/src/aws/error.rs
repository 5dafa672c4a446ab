//! What a failed AWS call means for the person at the terminal.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use serde::Serialize;

/// What kind of failure it is: that decides the exit code and the advice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AwsErrorKind {
    /// No connection, no answer in time, no such host.
    Unreachable,
    /// No credentials, wrong ones, or not allowed.
    Denied,
    /// The credentials were good and are no more.
    Expired,
    /// This machine's clock and AWS's disagree, so that no request is believed.
    ClockSkew,
    /// AWS asked to slow down, even after retries.
    Throttled,
    /// The resource does not exist.
    NotFound,
    /// It is known only of now, and the past was asked for.
    NotKept,
    /// Anything else.
    Other,
}

impl AwsErrorKind {
    /// True when AWS cannot be reached or does not let us in: nothing is known because nobody answers.
    pub const fn is_away(self) -> bool {
        matches!(self, Self::Unreachable | Self::Denied | Self::Expired | Self::ClockSkew)
    }

    /// True when the same call fails again until somebody does something about it.
    pub const fn is_lasting(self) -> bool {
        matches!(self, Self::Denied | Self::Expired | Self::ClockSkew | Self::NotFound)
    }
}

/// A failed AWS call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AwsError {
    /// What kind of failure it is.
    pub kind: AwsErrorKind,
    /// What was being done, on what; completes "failed to …".
    pub doing: String,
    /// AWS's own code, such as `AccessDeniedException`.
    pub code: Option<String>,
    /// AWS's, or the network's, own words.
    pub reason: String,
}

impl fmt::Display for AwsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "failed to {}: {}", self.doing, self.cause())
    }
}

impl StdError for AwsError {}

impl AwsError {
    /// An answer that came but cannot be used.
    pub fn unusable(doing: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { kind: AwsErrorKind::Other, doing: doing.into(), code: None, reason: reason.into() }
    }

    /// Something that is known only of now; `what` completes "failed to …".
    pub fn not_kept(what: impl Into<String>) -> Self {
        let reason = "AWS keeps no history of it".to_owned();
        Self { kind: AwsErrorKind::NotKept, doing: what.into(), code: None, reason }
    }

    /// The reason with its code: the same for every call that failed for it.
    pub fn cause(&self) -> String {
        match &self.code {
            Some(code) => format!("{code}: {}", self.reason),
            None => self.reason.clone(),
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self.kind {
            AwsErrorKind::Unreachable => {
                "check the network and --endpoint-url; for the local stack, see `opsctl local status`"
            }
            AwsErrorKind::Denied => {
                "sign in (for instance `aws sso login`), choose --profile, or ask for the permission named above"
            }
            AwsErrorKind::Expired => {
                "sign in again (for instance `aws sso login`), then it goes on by itself; credentials from environment \
                 variables want a restart with new ones"
            }
            AwsErrorKind::ClockSkew => "set this machine's clock (`timedatectl set-ntp true`); AWS allows five minutes",
            AwsErrorKind::NotKept => "look at the present for it: leave out --at",
            AwsErrorKind::Throttled => "wait a little and run it again; something else uses up this API's quota",
            AwsErrorKind::NotFound => {
                "the outputs do not match what is deployed: check --env, --region and the account, or apply lib/ again"
            }
            AwsErrorKind::Other => "the reason above is the service's own; see the AWS documentation of that call",
        }
    }
}

/// Says what a call was for when it fails.
pub trait Doing<T> {
    /// Turns a failure into an [`AwsError`]; `what` completes "failed to …" and names the resource.
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, AwsError>;
}

impl<T, E> Doing<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, AwsError> {
        self.map_err(|error| classify(what(), &error))
    }
}

fn classify<E>(doing: String, error: &SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let code = error.as_service_error().and_then(|service| service.code()).map(str::to_owned);
    let message = error.as_service_error().and_then(|service| service.message()).map(str::to_owned);
    let mut reason = message.unwrap_or_else(|| innermost(error));
    let status = error.raw_response().map(|response| response.status().as_u16());
    let kind = match error {
        // The credentials are looked for while a request is prepared; the SDK tells it only in words.
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) if chain(error).contains("credentials") => {
            reason = format!("no usable AWS credentials: {reason}");
            let expired = chain(error).to_lowercase().contains("expired");
            if expired { AwsErrorKind::Expired } else { AwsErrorKind::Denied }
        }
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => AwsErrorKind::Unreachable,
        SdkError::ServiceError(_) => by_code(code.as_deref().unwrap_or_default(), &reason, status),
        _ => AwsErrorKind::Other,
    };
    AwsError { kind, doing, code, reason }
}

fn by_code(code: &str, words: &str, status: Option<u16>) -> AwsErrorKind {
    const EXPIRED: [&str; 2] = ["ExpiredToken", "TokenRefreshRequired"];
    const SKEWED: [&str; 3] = ["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"];
    // A wrong clock is told by most services as a wrong signature; only the words say which.
    const SKEWED_WORDS: [&str; 2] = ["Signature expired", "Signature not yet current"];
    const DENIED: [&str; 9] = [
        "AccessDenied",
        "UnauthorizedOperation",
        "NotAuthorized",
        "UnrecognizedClient",
        "InvalidClientTokenId",
        "InvalidSignature",
        "SignatureDoesNotMatch",
        "MissingAuthenticationToken",
        "IncompleteSignature",
    ];
    const THROTTLED: [&str; 5] =
        ["Throttl", "TooManyRequests", "ProvisionedThroughputExceeded", "RequestLimitExceeded", "SlowDown"];
    const NOT_FOUND: [&str; 4] = ["ResourceNotFound", "NonExistentQueue", "QueueDoesNotExist", "NotFoundException"];
    let is = |codes: &[&str]| codes.iter().any(|known| code.contains(known));
    if is(&SKEWED) || SKEWED_WORDS.iter().any(|known| words.contains(known)) {
        AwsErrorKind::ClockSkew
    } else if is(&EXPIRED) {
        AwsErrorKind::Expired
    } else if is(&DENIED) {
        AwsErrorKind::Denied
    } else if is(&THROTTLED) || status == Some(429) {
        AwsErrorKind::Throttled
    } else if is(&NOT_FOUND) {
        AwsErrorKind::NotFound
    } else if code.is_empty() && matches!(status, Some(401 | 403)) {
        AwsErrorKind::Denied
    } else {
        AwsErrorKind::Other
    }
}

/// The last cause in the chain: what the system itself said.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::operation::receive_message::ReceiveMessageError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    fn answered(status: u16, code: Option<&str>, words: &str) -> AwsError {
        let mut metadata = ErrorMetadata::builder().message(words);
        if let Some(code) = code {
            metadata = metadata.code(code);
        }
        let response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        let error = SdkError::service_error(ReceiveMessageError::generic(metadata.build()), response);
        classify("look into queue q".to_owned(), &error)
    }

    #[test]
    fn answers_are_told_apart_by_their_code_and_each_has_its_advice() {
        let cases = [
            (400, Some("AccessDeniedException"), AwsErrorKind::Denied, "ask for the permission"),
            (400, Some("UnrecognizedClientException"), AwsErrorKind::Denied, "--profile"),
            (403, None, AwsErrorKind::Denied, "sign in"),
            (403, Some("ExpiredTokenException"), AwsErrorKind::Expired, "sign in again"),
            (400, Some("RequestTimeTooSkewed"), AwsErrorKind::ClockSkew, "clock"),
            (400, Some("ThrottlingException"), AwsErrorKind::Throttled, "wait a little"),
            (429, Some("TooManyRequestsException"), AwsErrorKind::Throttled, "wait a little"),
            (400, Some("AWS.SimpleQueueService.NonExistentQueue"), AwsErrorKind::NotFound, "apply lib/ again"),
            (400, Some("ResourceNotFoundException"), AwsErrorKind::NotFound, "apply lib/ again"),
            (500, Some("InternalError"), AwsErrorKind::Other, "the service's own"),
        ];
        for (status, code, kind, advice) in cases {
            let error = answered(status, code, "the service's words");
            assert_eq!(error.kind, kind, "{status} {code:?}");
            assert!(error.help().contains(advice), "{kind:?}: {}", error.help());
        }
    }

    #[test]
    fn a_wrong_clock_is_not_taken_for_a_wrong_key() {
        let words =
            "Signature expired: 20261122T110000Z is now earlier than 20261122T120000Z (20261122T120500Z - 5 min.)";
        assert_eq!(answered(403, Some("InvalidSignatureException"), words).kind, AwsErrorKind::ClockSkew);
        let words = "The request signature we calculated does not match the signature you provided.";
        assert_eq!(answered(403, Some("InvalidSignatureException"), words).kind, AwsErrorKind::Denied);
    }

    #[test]
    fn no_answer_is_unreachable_and_names_what_was_done() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error: SdkError<ReceiveMessageError, HttpResponse> =
            SdkError::dispatch_failure(ConnectorError::io(refused.into()));
        let error = classify("look into queue q".to_owned(), &error);
        assert_eq!(error.kind, AwsErrorKind::Unreachable);
        assert_eq!(error.to_string(), "failed to look into queue q: connection refused");
    }
}
