//! Dead letters of the function's own: events that can never succeed.
//!
//! The message is what Lambda itself would send, so one reader does for both: the body is the envelope byte for byte, the
//! attributes say why. `ErrorCode` tells them apart: text such as `VALIDATION` here, an HTTP status from Lambda.

use aws_config::SdkConfig;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::MessageAttributeValue;
use market::fault::Rejection;

use crate::failure::CallError;
use crate::stage::Stage;

/// Sends dead letters.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    sqs: aws_sdk_sqs::Client,
}

impl DeadLetters {
    /// A sender with a client of its own.
    pub fn new(config: &SdkConfig) -> Self {
        Self { sqs: crate::aws::sqs(config) }
    }

    /// Sends `body`, the original envelope, with the reasons.
    ///
    /// A crash after this and before the answer to Lambda makes a second letter with the same body and `RequestID`: a
    /// standard queue cannot exclude it, and whoever redrives sees one event twice, which ingestion absorbs.
    pub async fn send(
        &self,
        queue_url: &str,
        body: &str,
        rejection: &Rejection,
        request_id: &str,
        stage: Stage,
    ) -> Result<(), CallError> {
        let action = format!("send a rejected event to {queue_url}");
        let attributes = [
            ("RequestID", request_id.to_owned()),
            ("ErrorCode", rejection.code.as_str().to_owned()),
            ("ErrorMessage", rejection.summary()),
            ("Stage", stage.as_str().to_owned()),
            ("Faults", rejection.faults_json()),
        ];
        let mut message = self.sqs.send_message().queue_url(queue_url).message_body(body);
        for (name, value) in attributes {
            // SQS refuses an attribute without a value.
            if !value.is_empty() {
                let value = text(value).map_err(|error| CallError::answered(&*action, error.to_string()))?;
                message = message.message_attributes(name, value);
            }
        }
        message.send().await.map_err(|error| CallError::new(action, &error))?;
        Ok(())
    }
}

fn text(value: String) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}
