//! How the functions reach AWS: one configuration, its time-outs and its retries.
//!
//! Everything must fit into the function's 30 s, whatever AWS does:
//!
//! - an attempt may take 2 s, connecting included ([`ATTEMPT_TIMEOUT`]), an operation 5 s with up to three attempts
//!   ([`OPERATION_TIMEOUT`]): 2 + 2 s of attempts, back-offs of at most 50 + 100 ms, and what is left for the third;
//! - a stage's longest chain is five operations (processing: settings, reads, update, publish, audit), 25 s if every one
//!   of them runs into its time-out; the work is cut at 24 s in any case ([`crate::clock::Deadline`]);
//! - the audit row, or the dead letter, is one more operation: 24 + 5 = 29 s; what follows if that fails gets what is left
//!   but 0.5 s.

use std::time::Duration;

pub use aws_config::SdkConfig;
use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};

use aws_config::BehaviorVersion;
use aws_config::meta::region::ProvideRegion as _;
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::request_id::RequestId as _;
use opentelemetry::trace::Status;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The longest that connecting may take: on a cold start with 256 MB, TLS alone takes a good part of a second.
pub const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// The longest that one attempt of an operation may take.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest that an operation may take with all its attempts.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);
/// Attempts of an operation; those of `Publish` are counted by [`crate::topic`].
pub const MAX_ATTEMPTS: u32 = 3;
/// rustls with ring: half the machine code of aws-lc, the SDK's default, which a cold start has to load.
const TLS: tls::Provider = tls::Provider::Rustls(CryptoMode::Ring);
/// The first back-off (jittered). The SDK's own is a second, longer than most of these operations take with retries.
pub const INITIAL_BACKOFF: Duration = Duration::from_millis(50);

/// The configuration of every client.
///
/// Credentials, region and `AWS_ENDPOINT_URL` come from the environment, where Lambda puts them, and from nowhere else.
/// Built by hand: aws-config's loader would bring its whole chain along (profiles, STS, SSO, containers, an instance's
/// metadata service), of which a function uses nothing.
pub async fn sdk_config() -> SdkConfig {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(EnvironmentVariableRegionProvider::new().region().await)
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .http_client(aws_smithy_http_client::Builder::new().tls_provider(TLS).build_https())
        .timeout_config(timeouts())
        .retry_config(retries());
    config.set_endpoint_url(std::env::var("AWS_ENDPOINT_URL").ok().filter(|url| !url.is_empty()));
    config.build()
}

/// The time-outs described in this module's documentation.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// The retries described in this module's documentation.
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(INITIAL_BACKOFF)
        .with_max_backoff(Duration::from_millis(500))
}

/// Adds status and request id of each attempt to the SDK's own tracing span, which becomes an X-Ray subsegment.
#[derive(Debug)]
pub(crate) struct SpanDetails;

impl Intercept for SpanDetails {
    fn name(&self) -> &'static str {
        "SpanDetails"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let span = tracing::Span::current();
        if let Some(response) = context.response() {
            let status = response.status();
            span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
            if let Some(id) = response.request_id() {
                span.set_attribute("aws.request_id", id.to_owned());
            }
            if !status.is_success() {
                span.set_status(Status::error(format!("HTTP {}", status.as_u16())));
            }
        } else {
            span.set_status(Status::error("no answer"));
        }
        Ok(())
    }
}

/// Defines how a client is made: from the shared configuration, with [`SpanDetails`].
macro_rules! client {
    ($name:ident, $sdk:ident) => {
        pub(crate) fn $name(config: &SdkConfig) -> $sdk::Client {
            $sdk::Client::from_conf($sdk::config::Builder::from(config).interceptor(SpanDetails).build())
        }
    };
}

client!(dynamodb, aws_sdk_dynamodb);
client!(eventbridge, aws_sdk_eventbridge);
client!(sqs, aws_sdk_sqs);
client!(ssm, aws_sdk_ssm);

/// The client that publishes. It makes one attempt: a message whose answer was lost may have been sent, so a repeat is
/// not the SDK's to decide.
pub(crate) fn sns(config: &SdkConfig) -> aws_sdk_sns::Client {
    let config = aws_sdk_sns::config::Builder::from(config).retry_config(RetryConfig::disabled());
    aws_sdk_sns::Client::from_conf(config.interceptor(SpanDetails).build())
}
