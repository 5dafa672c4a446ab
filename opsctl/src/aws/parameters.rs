//! Parameters of the running pipeline.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::ParameterTier;
use jiff::Timestamp;
use serde::Serialize;

use super::time::from_sdk;
use super::{AwsError, Doing};
use crate::change::{Change, Permit};
use crate::error::Result;
use crate::stack::Stack;

/// A parameter's value at one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Counts every change; the first is 1.
    pub version: i64,
    /// When this version was written.
    pub modified_at: Option<Timestamp>,
    /// What was written.
    #[serde(skip)]
    pub value: String,
}

/// Reads a parameter as it is, or one of the last hundred versions.
pub async fn read(client: &Client, name: &str, version: Option<i64>) -> Result<Parameter, AwsError> {
    let asked = version.map_or_else(|| name.to_owned(), |version| format!("{name}:{version}"));
    let doing = || format!("read parameter {asked}");
    let answer = client.get_parameter().name(&asked).send().await.doing(doing)?;
    let found = answer.parameter().ok_or_else(|| AwsError::unusable(doing(), "the answer has no parameter"))?;
    Ok(Parameter {
        name: name.to_owned(),
        version: found.version(),
        modified_at: found.last_modified_date().and_then(from_sdk),
        value: found.value().unwrap_or_default().to_owned(),
    })
}

/// Replaces the alert rules and returns the new version. SSM has no condition on what is there: whoever calls this looks
/// right before.
pub async fn put_rules(client: &Client, stack: &Stack, name: &str, value: &str, permit: &Permit) -> Result<i64> {
    permit.check(Change::SetRules, stack)?;
    let put = client.put_parameter().name(name).value(value).overwrite(true).tier(ParameterTier::IntelligentTiering);
    let answer = put.send().await.doing(|| format!("write parameter {name}"))?;
    Ok(answer.version())
}

/// Reads the document of alert rules as it is.
pub async fn alert_rules(client: &Client, stack: &Stack) -> Result<String, AwsError> {
    Ok(read(client, &stack.rules_parameter(), None).await?.value)
}
