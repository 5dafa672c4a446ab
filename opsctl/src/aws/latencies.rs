//! Latencies from X-Ray.

use std::collections::BTreeMap;

use aws_sdk_xray::Client;
use aws_sdk_xray::types::{Edge, HistogramEntry, Service, ServiceStatistics};
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::metrics::Percentiles;
use super::time::to_sdk;
use super::{AwsError, Doing};
use crate::stack::Stack;

/// At most so many pages of a service graph; a pipeline has one.
const PAGES: usize = 10;
/// At most so many slices of a trend.
const SLICES: i64 = 15;
/// Calls at the same time: X-Ray is slow to forgive.
const CONCURRENCY: usize = 2;

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
    /// The same slice by slice of time, where that was asked for; slices in which nothing was recorded have no point.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trend: Vec<TrendPoint>,
}

/// The latencies of a slice of time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TrendPoint {
    /// The slice's first instant.
    pub at: Timestamp,
    /// How many answers stand behind the numbers.
    pub count: u64,
    /// The latencies.
    pub latency: Percentiles,
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

/// Latencies by slice of time, as far as they were read.
#[derive(Debug, Clone, Default)]
pub struct Trend(BTreeMap<Timestamp, Vec<ServiceLatency>>);

/// Reads the latencies between two times and, in slices, how they came to be. Slices that are known are not read again,
/// but for the last two: traces come late.
pub async fn with_trend(
    client: &Client,
    stack: &Stack,
    start: Timestamp,
    end: Timestamp,
    known: Trend,
) -> Result<(Vec<ServiceLatency>, Trend), AwsError> {
    let slice = slice_seconds(start, end);
    let whole = |at: Timestamp| at.as_second().div_euclid(slice);
    let slices = (whole(start) + 1..=whole(end)).filter_map(|number| Timestamp::from_second(number * slice).ok());
    let (again, mut trend) = (whole(end) - 1, known.0);
    trend.retain(|at, _| *at >= start && at.as_second() % slice == 0);
    let missing: Vec<Timestamp> = slices.filter(|at| whole(*at) >= again || !trend.contains_key(at)).collect();
    let read_slice = |at: Timestamp| async move {
        let until = at.checked_add(SignedDuration::from_secs(slice)).unwrap_or(end).min(end);
        // A slice that only begins has nothing in it, and X-Ray wants a span that is not empty.
        let latencies = if until > at { read(client, stack, at, until).await? } else { Vec::new() };
        Ok::<_, AwsError>((at, latencies))
    };
    let slices = stream::iter(missing).map(read_slice).buffer_unordered(CONCURRENCY).try_collect::<Vec<_>>();
    let (mut services, slices) = futures::try_join!(read(client, stack, start, end), slices)?;
    trend.extend(slices);
    for service in &mut services {
        let point = |(at, latencies): (&Timestamp, &Vec<ServiceLatency>)| {
            let found = latencies.iter().find(|slice| slice.name == service.name && slice.kind == service.kind)?;
            Some(TrendPoint { at: *at, count: found.count, latency: found.latency? })
        };
        service.trend = trend.iter().filter_map(point).collect();
    }
    Ok((services, Trend(trend)))
}

/// The length of a slice: whole minutes, so that a window has at most [`SLICES`].
fn slice_seconds(start: Timestamp, end: Timestamp) -> i64 {
    let minutes = end.duration_since(start).as_mins().max(1);
    (minutes + SLICES - 1) / SLICES * 60
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
        trend: Vec::new(),
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

    #[tokio::test]
    async fn a_trend_reads_each_slice_once_and_the_last_two_again() {
        let rule = mock!(Client::get_service_graph).then_compute_output(|request| {
            let start = request.start_time().map_or(0, aws_smithy_types::DateTime::secs);
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let histogram = vec![entry(start as f64 / 1000.0, 4)];
            let service =
                Service::builder().reference_id(1).name("lambda-ingestion-dev").r#type("AWS::Lambda::Function");
            let service = service.set_response_time_histogram(Some(histogram)).build();
            GetServiceGraphOutput::builder().services(service).build()
        });
        let client = testing::clients(&[&rule]).xray;
        let stack = samples::stack();
        let at = |second| Timestamp::from_second(second).unwrap();
        let (services, trend) = with_trend(&client, &stack, at(0), at(330), Trend::default()).await.unwrap();
        let points: Vec<_> = services[0].trend.iter().map(|point| point.at.as_second()).collect();
        assert_eq!(points, [60, 120, 180, 240, 300]);
        assert!((services[0].trend[1].latency.p50_ms - 120.0).abs() < 1e-9, "{:?}", services[0].trend);
        assert_eq!(rule.num_calls(), 1 + 5);
        let (services, _) = with_trend(&client, &stack, at(30), at(360), trend).await.unwrap();
        let points: Vec<_> = services[0].trend.iter().map(|point| point.at.as_second()).collect();
        assert_eq!(points, [60, 120, 180, 240, 300], "the slice that only begins has nothing yet");
        assert_eq!(rule.num_calls(), 6 + 2);
    }

    #[test]
    fn a_long_window_has_longer_slices() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        assert_eq!([15, 16, 60, 360].map(|minutes| slice_seconds(at(0), at(minutes))), [60, 120, 240, 1_440]);
    }
}
