//! Clients whose answers are given by rules, so that requests can be asserted without a network.

use aws_config::Region;
use aws_sdk_sqs::config::{BehaviorVersion, Credentials};
use aws_smithy_mocks::{MockResponseInterceptor, Rule, RuleMode, create_mock_http_client};

/// Makes one mocked client. `mock_client!` would want each SDK's `test-util` feature, which would build every SDK twice.
macro_rules! mocked {
    ($sdk:ident, $rules:expr) => {{
        let mut interceptor = MockResponseInterceptor::new().rule_mode(RuleMode::MatchAny);
        for rule in $rules {
            interceptor = interceptor.with_rule(rule);
        }
        let config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .http_client(create_mock_http_client())
            .interceptor(super::calls::CountCalls)
            .interceptor(interceptor)
            .build();
        $sdk::Client::from_conf(config)
    }};
}

/// All clients, answering by these rules; a request that no rule matches fails its test.
pub(crate) fn clients(rules: &[&Rule]) -> super::Clients {
    super::Clients {
        cloudwatch: mocked!(aws_sdk_cloudwatch, rules),
        dynamodb: mocked!(aws_sdk_dynamodb, rules),
        eventbridge: mocked!(aws_sdk_eventbridge, rules),
        lambda: mocked!(aws_sdk_lambda, rules),
        sqs: mocked!(aws_sdk_sqs, rules),
        ssm: mocked!(aws_sdk_ssm, rules),
        xray: mocked!(aws_sdk_xray, rules),
    }
}
