//! Publishing alerts to the SNS topic.

use aws_config::SdkConfig;
use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::types::MessageAttributeValue;
use market::message::AlertMessage;
use market::rules::Firing;

use crate::aws::{INITIAL_BACKOFF, OPERATION_TIMEOUT};
use crate::clock::{Deadline, SharedClock};
use crate::failure::{CallError, Effect};

/// Attempts of a publish that the topic refuses because of its load.
const MAX_ATTEMPTS: u32 = 3;

/// Publishes to a topic.
#[derive(Clone)]
pub struct Topic {
    sns: aws_sdk_sns::Client,
    clock: SharedClock,
}

impl Topic {
    /// A publisher with a client of its own.
    pub fn new(config: &SdkConfig, clock: SharedClock) -> Self {
        Self { sns: crate::aws::sns(config), clock }
    }

    /// Publishes a message and returns its id.
    ///
    /// Only a throttled publish, which was certainly not sent, is tried again here, as long as `deadline` allows. What to
    /// do about one whose effect is unknown ([`CallError::effect`]) is the caller's decision.
    pub async fn publish(
        &self,
        topic_arn: &str,
        message: &AlertMessage,
        firing: &Firing,
        symbol: &str,
        deadline: Deadline,
    ) -> Result<String, CallError> {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(topic_arn, message, firing, symbol).await {
                Ok(id) => return Ok(id),
                Err(error) => error,
            };
            let pause = INITIAL_BACKOFF * 2_u32.pow(attempt);
            let in_time = deadline.remaining(self.clock.now()) > pause + OPERATION_TIMEOUT;
            if error.effect() != Effect::Throttled || attempt == MAX_ATTEMPTS || !in_time {
                return Err(error);
            }
            self.clock.sleep(pause).await;
            attempt += 1;
        }
    }

    async fn attempt(
        &self,
        topic_arn: &str,
        message: &AlertMessage,
        firing: &Firing,
        symbol: &str,
    ) -> Result<String, CallError> {
        let action = || format!("publish the alert of rule {} to {topic_arn}", firing.rule_id);
        // For the filter policies of subscriptions.
        let attributes =
            [("severity", firing.severity.as_str()), ("symbol", symbol), ("rule", firing.rule_id.as_str())];
        let mut publish = self
            .sns
            .publish()
            .topic_arn(topic_arn)
            .subject(&message.subject)
            .message_structure("json")
            .message(message.sns_structure());
        for (name, value) in attributes {
            let value = text(value).map_err(|error| CallError::answered(action(), error.to_string()))?;
            publish = publish.message_attributes(name, value);
        }
        let answer = publish.send().await.map_err(|error| CallError::new(action(), &error))?;
        Ok(answer.message_id.unwrap_or_default())
    }
}

fn text(value: &str) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}
