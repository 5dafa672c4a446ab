//! An execution environment: a function's process, which handles one event after the other.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use fake_aws::world;
use ingestion::Ingestion;
use lambda_runtime::{Diagnostic, LambdaEvent};
use notification::Notification;
use pipeline::aws::SdkConfig;
use pipeline::clock::SharedClock;
use pipeline::host::{Host, Work};
use pipeline::stage::Stage;
use pipeline::telemetry::metrics::Sink;
use processing::Processing;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::SimulatedClock;

/// An invocation under way.
pub(crate) type Invocation = Pin<Box<dyn Future<Output = Result<Value, Diagnostic>>>>;

/// The process of one of the functions. Dropping it and its invocation is a crash.
#[derive(Clone)]
pub enum Environment {
    /// Of ingestion.
    Ingestion(Rc<Host<Ingestion>>),
    /// Of processing.
    Processing(Rc<Host<Processing>>),
    /// Of notification.
    Notification(Rc<Host<Notification>>),
}

impl Environment {
    /// A new one, without settings yet.
    pub fn new(stage: Stage, config: &SdkConfig, clock: &SimulatedClock, metrics: &Sink) -> Self {
        let shared: SharedClock = Arc::new(clock.clone());
        match stage {
            Stage::Ingestion => {
                Self::Ingestion(host(Ingestion::new(config, Arc::clone(&shared)), config, shared, metrics))
            }
            Stage::Processing => {
                Self::Processing(host(Processing::new(config, Arc::clone(&shared)), config, shared, metrics))
            }
            Stage::Notification => {
                Self::Notification(host(Notification::new(config, Arc::clone(&shared)), config, shared, metrics))
            }
        }
    }

    pub(crate) fn invoke(&self, event: LambdaEvent<Box<RawValue>>) -> Invocation {
        match self.clone() {
            Self::Ingestion(host) => Box::pin(async move { host.invoke(event).await }),
            Self::Processing(host) => Box::pin(async move { host.invoke(event).await }),
            Self::Notification(host) => Box::pin(async move { host.invoke(event).await }),
        }
    }
}

fn host<W: Work>(work: W, config: &SdkConfig, clock: SharedClock, metrics: &Sink) -> Rc<Host<W>> {
    Rc::new(Host::new(work, config, world::PREFIX, clock, metrics.clone()))
}
