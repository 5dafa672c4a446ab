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
    let called: Vec<i32> =
        services.iter().filter(is_function).flat_map(Service::edges).filter_map(Edge::reference_id).collect();
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

#[cfg(test)]
mod tests {
    use aws_sdk_xray::operation::get_service_graph::GetServiceGraphOutput;
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing;
    use crate::stack::samples;

    fn entry(value: f64, count: i32) -> HistogramEntry {
        HistogramEntry::builder().value(value).count(count).build()
    }

    #[test]
    fn percentiles_weigh_by_count_whatever_the_order() {
        let histogram = [entry(2.0, 1), entry(0.010, 98), entry(0.5, 1)];
        let latency = percentiles(&histogram).unwrap();
        assert_eq!((latency.p50_ms, latency.p95_ms, latency.p99_ms), (10.0, 10.0, 500.0));
        assert_eq!(percentiles(&[]), None);
        assert_eq!(percentiles(&[entry(1.0, 0)]), None);
    }

    #[tokio::test]
    async fn all_pages_are_read_and_only_ours_is_kept() {
        let service = |id: i32, name: &str, kind: &str, calls: &[i32]| {
            let edges = calls.iter().map(|id| Edge::builder().reference_id(*id).build()).collect();
            let histogram = vec![entry(0.1, 4)];
            let service = Service::builder().reference_id(id).name(name).r#type(kind);
            service.set_edges(Some(edges)).set_response_time_histogram(Some(histogram)).build()
        };
        let first = GetServiceGraphOutput::builder()
            .services(service(1, "lambda-processing-dev", "AWS::Lambda", &[2]))
            .services(service(2, "lambda-processing-dev", "AWS::Lambda::Function", &[4]))
            .services(service(3, "somebody-elses", "AWS::Lambda::Function", &[5]))
            .next_token("more")
            .build();
        let second = GetServiceGraphOutput::builder()
            .services(service(4, "DynamoDB", "AWS::DynamoDB", &[]))
            .services(service(5, "S3", "AWS::S3", &[]))
            .services(service(6, "lambda-ingestion-dev", "AWS::Lambda::Function", &[4]))
            .build();
        let one = mock!(Client::get_service_graph)
            .match_requests(|request| request.next_token().is_none())
            .then_output(move || first.clone());
        let two = mock!(Client::get_service_graph)
            .match_requests(|request| request.next_token() == Some("more"))
            .then_output(move || second.clone());
        let client = testing::clients(&[&one, &two]).xray;
        let latencies = read(&client, &samples::stack(), Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH).await.unwrap();
        let names: Vec<_> = latencies.iter().map(|latency| latency.name.as_str()).collect();
        assert_eq!(names, ["lambda-ingestion-dev", "lambda-processing-dev", "DynamoDB"]);
    }
}
