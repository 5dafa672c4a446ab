//! The parameters that the rules stand in.

use market::business::Thresholds;
use serde::Deserialize;

use crate::aws::AwsError;
use crate::aws::parameters::{self, Parameter};
use crate::context::Target;
use crate::error::{Error, Result};
use crate::rules::rehearsal::Setup;

/// The rules as they are, or at one version.
pub(super) async fn read(target: &Target, version: Option<i64>) -> Result<Parameter, AwsError> {
    parameters::read(&target.clients.ssm, &target.stack.rules_parameter(), version).await
}

/// How processing is set.
pub(super) async fn setup(target: &Target) -> Result<Setup> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(default = "default_window")]
        window_size: usize,
    }
    fn default_window() -> usize {
        Setup::default().window_size
    }
    let name = format!("{}/processing/config", target.stack.parameter_prefix);
    let parameter = parameters::read(&target.clients.ssm, &name, None).await?;
    let unusable = |error: serde_json::Error| {
        Error::failed(format!("failed to read {name}: {error}"), "set it right with terraform apply")
    };
    // Read twice, as processing does.
    let config: Config = serde_json::from_str(&parameter.value).map_err(unusable)?;
    let thresholds: Thresholds = serde_json::from_str(&parameter.value).map_err(unusable)?;
    Ok(Setup { window_size: config.window_size, thresholds })
}
