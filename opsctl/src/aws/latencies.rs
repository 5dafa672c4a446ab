//! Latencies from X-Ray.

use aws_sdk_xray::Client;
use aws_sdk_xray::types::{Edge, HistogramEntry, Service, ServiceStatistics};
use jiff::Timestamp;
use serde::Serialize;

use super::metrics::Percentiles;
use super::time::to_sdk;
use super::{AwsError, Doing};
use crate::stack::Stack;

/// At most so many pages of a service graph; a pipeline has one.
const PAGES: usize = 10;

/// How long a service takes to answer, as the sampled traces show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServiceLatency {
    /// Name of the service: a function's, or `DynamoDB` …
    pub name: String,
    /// X-Ray's type of it, such as `AWS::Lambda::Function`.
    pub kind: Option<String>,
    /// How many answers stand behind the numbers.
    pub count: u64,
    /// How many of those were faults (5xx, errors of ours).
    pub faults: u64,
    /// How many were throttled.
    pub throttled: u64,
    /// The latencies; none when nothing was recorded.
    pub latency: Option<Percentiles>,
}

/// Reads the service graph between two times and keeps the stack's functions and what they call, the functions first.
pub async fn read(
    client: &Client,
    stack: &Stack,
    start: Timestamp,
    end: Timestamp,
) -> Result<Vec<ServiceLatency>, AwsError> {
    let mut services = Vec::new();
    let mut token = None;
    for _ in 0..PAGES {
        let answer = client
            .get_service_graph()
            .start_time(to_sdk(start))
            .end_time(to_sdk(end))
            .set_next_token(token)
            .send()
            .await
            .doing(|| "read X-Ray's service graph".to_owned())?;
        services.extend(answer.services.unwrap_or_default());
        token = answer.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    Ok(ours(&services, stack))
}

fn ours(services: &[Service], stack: &Stack) -> Vec<ServiceLatency> {
    let functions: Vec<&str> = stack.stages.iter().map(|(_, stage)| stage.function_name.as_str()).collect();
    let is_function = |service: &&Service| service.name().is_some_and(|name| functions.contains(&name));
    // X-Ray shows Lambda twice, as the service that takes the call and as the function that runs; the latter is ours.
    let runs = |service: &&Service| service.r#type() != Some("AWS::Lambda");
    let called: Vec<i32> = services
        .iter()
        .filter(is_function)
        .flat_map(Service::edges)
        .filter_map(Edge::reference_id)
        .collect();
    let is_called =
        |service: &&Service| !is_function(service) && service.reference_id().is_some_and(|id| called.contains(&id));
    let mut latencies: Vec<ServiceLatency> = services.iter().filter(is_function).filter(runs).map(describe).collect();
    latencies.sort_by_key(|latency| functions.iter().position(|name| *name == latency.name));
    let mut others: Vec<ServiceLatency> = services.iter().filter(is_called).map(describe).collect();
    others.sort_by(|one, other| one.name.cmp(&other.name));
    latencies.extend(others);
    latencies
}

fn describe(service: &Service) -> ServiceLatency {
    let statistics = service.summary_statistics();
    let count = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok()).unwrap_or_default();
    ServiceLatency {
        name: service.name().unwrap_or("unknown").to_owned(),
        kind: service.r#type().map(str::to_owned),
        count: count(statistics.and_then(ServiceStatistics::total_count)),
        faults: count(statistics.and_then(|statistics| statistics.fault_statistics()?.total_count())),
        throttled: count(statistics.and_then(|statistics| statistics.error_statistics()?.throttle_count())),
        latency: percentiles(service.response_time_histogram()),
    }
}

/// Percentiles of a histogram of seconds, by nearest rank; the entries come in no particular order.
fn percentiles(histogram: &[HistogramEntry]) -> Option<Percentiles> {
    let mut entries: Vec<(f64, u64)> = histogram
        .iter()
        .filter_map(|entry| Some((entry.value(), u64::try_from(entry.count()).ok().filter(|count| *count > 0)?)))
        .collect();
    entries.sort_by(|one, other| one.0.total_cmp(&other.0));
    let total: u64 = entries.iter().map(|entry| entry.1).sum();
    let at = |percent: u64| {
        let rank = (total * percent).div_ceil(100).max(1);
        let mut passed = 0;
        let found = entries.iter().find(|(_, count)| {
            passed += count;
            passed >= rank
        });
        found.map(|(seconds, _)| seconds * 1000.0)
    };
    Some(Percentiles { p50_ms: at(50)?, p95_ms: at(95)?, p99_ms: at(99)? })
}
