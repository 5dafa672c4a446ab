//! One client a service, made once.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::config::Credentials;

use super::calls::CountCalls;

/// A client whose calls are counted.
macro_rules! counting {
    ($sdk:ident, $config:expr) => {
        $sdk::Client::from_conf($sdk::config::Builder::from($config).interceptor(CountCalls).build())
    };
}

/// How to reach AWS, or what stands in for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// The region.
    pub region: String,
    /// An address to talk to instead of AWS.
    pub endpoint: Option<String>,
    /// A profile of the AWS configuration; none leaves the choice to the environment.
    pub profile: Option<String>,
    /// Use the local emulator's well-known credentials instead of the user's.
    pub test_credentials: bool,
}

/// The clients of the services that opsctl talks to. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Alarms and metrics.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// Events and audit.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The bus, its rules, its archive.
    pub eventbridge: aws_sdk_eventbridge::Client,
    /// Functions.
    pub lambda: aws_sdk_lambda::Client,
    /// Dead letter queues.
    pub sqs: aws_sdk_sqs::Client,
    /// Parameters.
    pub ssm: aws_sdk_ssm::Client,
    /// Traces.
    pub xray: aws_sdk_xray::Client,
}

impl Clients {
    /// Loads credentials and makes the clients. Nothing is sent yet, so nothing fails here.
    ///
    /// Four attempts, waiting longer each time; an attempt ends after 10 s, a call after 30 s, so that a dead
    /// network is told from a slow one while a person waits. Not adaptive: once throttled, that mode queues calls within this
    /// process for longer than they may take, and throttling then looks like a network that is gone.
    pub async fn connect(connection: &Connection) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(connection.region.clone()))
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(Duration::from_secs(3))
                    .operation_attempt_timeout(Duration::from_secs(10))
                    .operation_timeout(Duration::from_secs(30))
                    .build(),
            );
        if let Some(endpoint) = &connection.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        if let Some(profile) = &connection.profile {
            loader = loader.profile_name(profile);
        }
        if connection.test_credentials {
            loader = loader.credentials_provider(Credentials::new("test", "test", None, None, "opsctl --local"));
        }
        let config = loader.load().await;
        Self {
            cloudwatch: counting!(aws_sdk_cloudwatch, &config),
            dynamodb: counting!(aws_sdk_dynamodb, &config),
            eventbridge: counting!(aws_sdk_eventbridge, &config),
            lambda: counting!(aws_sdk_lambda, &config),
            sqs: counting!(aws_sdk_sqs, &config),
            ssm: counting!(aws_sdk_ssm, &config),
            xray: counting!(aws_sdk_xray, &config),
        }
    }
}
