//! Which calls of AWS were made, and how much of what AWS charges for they used.
//!
//! An interceptor sees every attempt, retries included, because AWS counts and charges those too. It adds to the tally
//! of the task that waits for the call ([`count`]), so each reader's calls are known without it keeping books.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::ConsumedCapacity;
use aws_sdk_xray::operation::batch_get_traces::BatchGetTracesOutput;
use aws_sdk_xray::operation::get_trace_summaries::GetTraceSummariesOutput;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef, Output,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use serde::Serialize;

/// An API that has a limit or a price of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// `CloudWatch`: states of alarms.
    DescribeAlarms,
    /// `CloudWatch`: what an alarm did.
    DescribeAlarmHistory,
    /// `CloudWatch`: one metric.
    GetMetricStatistics,
    /// SQS, all of it.
    Sqs,
    /// `DynamoDB`, all of it.
    DynamoDb,
    /// X-Ray: the service graph.
    GetServiceGraph,
    /// X-Ray: traces found by a filter.
    GetTraceSummaries,
    /// X-Ray: whole traces.
    BatchGetTraces,
    /// Lambda's control plane.
    Lambda,
    /// `EventBridge`'s control plane.
    EventBridge,
    /// Anything else.
    Other,
}

impl Api {
    /// The API of an operation, by the SDK's names for them.
    fn of(service: &str, operation: &str) -> Self {
        match (service, operation) {
            (_, "DescribeAlarms") => Self::DescribeAlarms,
            (_, "DescribeAlarmHistory") => Self::DescribeAlarmHistory,
            (_, "GetMetricStatistics") => Self::GetMetricStatistics,
            (_, "GetServiceGraph") => Self::GetServiceGraph,
            (_, "GetTraceSummaries") => Self::GetTraceSummaries,
            (_, "BatchGetTraces") => Self::BatchGetTraces,
            ("SQS", _) => Self::Sqs,
            ("DynamoDB", _) => Self::DynamoDb,
            ("Lambda", _) => Self::Lambda,
            ("EventBridge", _) => Self::EventBridge,
            _ => Self::Other,
        }
    }

    /// True when what it charges for is in its answer, and not the call itself.
    fn is_charged_by_answer(self) -> bool {
        matches!(self, Self::DynamoDb | Self::GetTraceSummaries | Self::BatchGetTraces)
    }
}

/// Calls of one API.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ApiCalls {
    /// The API.
    pub api: Api,
    /// How many, retries included.
    pub calls: u64,
    /// What AWS charges for: the calls themselves; of `DynamoDB` read request units; of X-Ray traces scanned or
    /// retrieved.
    pub units: f64,
}

impl ApiCalls {
    /// Calls that are charged as calls.
    #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 calls")]
    pub const fn new(api: Api, calls: u64) -> Self {
        Self { api, calls, units: calls as f64 }
    }
}

/// Waits for `work` and tells which calls it made.
pub async fn count<F: Future>(work: F) -> (F::Output, Vec<ApiCalls>) {
    let tally = Tally::default();
    let output = TALLY.scope(tally.clone(), work).await;
    (output, tally.take())
}

tokio::task_local! {
    /// Where the calls of the running task are counted.
    static TALLY: Tally;
}

#[derive(Debug, Clone, Default)]
struct Tally(Arc<Mutex<BTreeMap<Api, (u64, f64)>>>);

impl Tally {
    fn add(&self, api: Api, calls: u64, units: f64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = all.entry(api).or_default();
        entry.0 += calls;
        entry.1 += units;
    }

    fn take(&self) -> Vec<ApiCalls> {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        all.into_iter().map(|(api, (calls, units))| ApiCalls { api, calls, units }).collect()
    }
}

/// Counts the calls of a client.
#[derive(Debug, Clone, Copy)]
pub struct CountCalls;

#[dyn_dispatch_hint]
impl Intercept for CountCalls {
    fn name(&self) -> &'static str {
        "CountCalls"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let api = api(config);
        let units = if api.is_charged_by_answer() { 0.0 } else { 1.0 };
        // Who does not count its calls has no tally.
        let _ = TALLY.try_with(|tally| tally.add(api, 1, units));
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(Ok(output)) = context.output_or_error() {
            let units = charged(output);
            let _ = TALLY.try_with(|tally| tally.add(api(config), 0, units));
        }
        Ok(())
    }
}

fn api(config: &ConfigBag) -> Api {
    config.load::<Metadata>().map_or(Api::Other, |operation| Api::of(operation.service(), operation.name()))
}

/// What an answer of a service is charged for, where that is not the call.
fn charged(output: &Output) -> f64 {
    let units = |capacity: Option<&ConsumedCapacity>| capacity.and_then(ConsumedCapacity::capacity_units);
    if let Some(answer) = output.downcast_ref::<QueryOutput>() {
        units(answer.consumed_capacity()).unwrap_or(0.5)
    } else if let Some(answer) = output.downcast_ref::<GetItemOutput>() {
        units(answer.consumed_capacity()).unwrap_or(1.0)
    } else if let Some(answer) = output.downcast_ref::<BatchGetItemOutput>() {
        answer.consumed_capacity().iter().filter_map(|capacity| units(Some(capacity))).sum()
    } else if let Some(answer) = output.downcast_ref::<GetTraceSummariesOutput>() {
        #[expect(clippy::cast_precision_loss, reason = "a count of traces")]
        let scanned = answer.traces_processed_count().unwrap_or_default() as f64;
        scanned
    } else if let Some(answer) = output.downcast_ref::<BatchGetTracesOutput>() {
        f64::from(u32::try_from(answer.traces().len()).unwrap_or(u32::MAX))
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing;

    #[tokio::test]
    async fn each_task_counts_its_own_calls_and_what_they_are_charged_for() {
        let alarms =
            mock!(aws_sdk_cloudwatch::Client::describe_alarms).then_output(|| DescribeAlarmsOutput::builder().build());
        let query = mock!(aws_sdk_dynamodb::Client::query).then_output(|| {
            let capacity = ConsumedCapacity::builder().capacity_units(3.5).build();
            QueryOutput::builder().consumed_capacity(capacity).build()
        });
        let traces = mock!(aws_sdk_xray::Client::get_trace_summaries)
            .then_output(|| GetTraceSummariesOutput::builder().traces_processed_count(40).build());
        let clients = testing::clients(&[&alarms, &query, &traces]);
        let one = count(async {
            for _ in 0..2 {
                clients.cloudwatch.describe_alarms().send().await.unwrap();
            }
            clients.dynamodb.query().table_name("t").send().await.unwrap();
        });
        let other = count(async {
            let epoch = aws_smithy_types::DateTime::from_secs(0);
            clients.xray.get_trace_summaries().start_time(epoch).end_time(epoch).send().await.unwrap();
        });
        let (((), one), ((), other)) = futures::join!(one, other);
        assert_eq!(one, [ApiCalls::new(Api::DescribeAlarms, 2), ApiCalls { api: Api::DynamoDb, calls: 1, units: 3.5 }]);
        assert_eq!(other, [ApiCalls { api: Api::GetTraceSummaries, calls: 1, units: 40.0 }]);
    }
}
