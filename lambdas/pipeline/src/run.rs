//! The way from `main` to the first event.

use std::env;
use std::sync::Arc;

use aws_config::SdkConfig;
use lambda_runtime::layers::{OpenTelemetryFaasTrigger, OpenTelemetryLayer};
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;

use crate::clock::{SharedClock, SystemClock};
use crate::host::{Host, Work};
use crate::telemetry::{self, metrics::Sink, traces::XrayParent};

/// Names the prefix of the function's parameters, such as `/market-data/dev`.
const PARAMETER_PREFIX: &str = "PARAMETER_PREFIX";

/// Runs a stage until Lambda ends the process. `work` makes the stage from the AWS configuration and the clock.
///
/// The payload is taken as it came, not parsed: a dead letter's body is the original envelope byte for byte.
pub async fn run<W: Work>(work: impl FnOnce(&SdkConfig, SharedClock) -> W) -> Result<(), Error> {
    let traces = telemetry::start();
    let prefix = env::var(PARAMETER_PREFIX)
        .map_err(|_| format!("failed to start: the environment has no {PARAMETER_PREFIX}, such as /market-data/dev"))?;
    let config = crate::aws::sdk_config().await;
    let clock: SharedClock = Arc::new(SystemClock);
    let host = Host::new(work(&config, clock.clone()), &config, &prefix, clock, Sink::to(std::io::stdout()));
    host.prepare().await;
    let host = &host;
    let handler = service_fn(move |event: LambdaEvent<Box<RawValue>>| host.invoke(event));
    let flush = move || {
        if let Some(Err(error)) = traces.as_ref().map(opentelemetry_sdk::trace::SdkTracerProvider::force_flush) {
            tracing::warn!(%error, "failed to send traces");
        }
    };
    // The layer added last is the outermost: the parent must be there before the span is.
    Runtime::new(handler)
        .layer(OpenTelemetryLayer::new(flush).with_trigger(OpenTelemetryFaasTrigger::PubSub))
        .layer(XrayParent)
        .run()
        .await
}
