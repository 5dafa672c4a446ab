//! The parameters that the functions read.

use aws_sdk_ssm::Client;

use super::{AwsError, Doing};
use crate::stack::Stack;

/// Reads the document of alert rules as it is.
pub async fn alert_rules(client: &Client, stack: &Stack) -> Result<String, AwsError> {
    let name = format!("{}/alert-rules", stack.parameter_prefix);
    let doing = || format!("read parameter {name}");
    let answer = client.get_parameter().name(&name).with_decryption(true).send().await.doing(doing)?;
    let value = answer.parameter.and_then(|parameter| parameter.value);
    value.ok_or_else(|| AwsError::unusable(doing(), "it has no value"))
}
