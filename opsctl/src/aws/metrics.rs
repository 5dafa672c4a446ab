//! The functions' own metrics (`AWS/Lambda`).
//!
//! `GetMetricStatistics`, one call a metric, and not `GetMetricData`: the former falls under `CloudWatch`'s free million
//! requests a month and costs $0.01 a thousand beyond; the latter costs as much a thousand *metrics* and is never free.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Datapoint, Dimension, Statistic};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::time::{from_sdk, to_sdk};
use super::{AwsError, Doing};
use crate::stack::{Stack, StageName};

/// The resolution of Lambda's metrics, in seconds.
const PERIOD: i32 = 60;

/// A span of whole minutes to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Window {
    /// Its first instant, on the minute.
    pub start: Timestamp,
    /// Its length.
    pub minutes: u16,
}

impl Window {
    /// The last `minutes` minutes up to the end of the minute that holds `now`: the running minute is in it.
    pub fn ending_at(now: Timestamp, minutes: u16) -> Self {
        let end = now.as_second().div_euclid(60) * 60 + 60;
        let start = end - i64::from(minutes) * 60;
        Self { start: Timestamp::from_second(start).unwrap_or(Timestamp::UNIX_EPOCH), minutes }
    }

    /// The first instant after it.
    pub fn end(&self) -> Timestamp {
        self.start.checked_add(SignedDuration::from_mins(i64::from(self.minutes))).unwrap_or(Timestamp::MAX)
    }
}

/// A value a minute; minutes without data have no point.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Series {
    /// The points in order of time.
    pub points: Vec<Point>,
}

/// One minute's value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// The minute's first instant.
    pub at: Timestamp,
    /// Its value.
    pub value: f64,
}

impl Series {
    /// The sum; none when there is no point at all, which is not the same as zero.
    pub fn sum(&self) -> Option<f64> {
        (!self.points.is_empty()).then(|| self.points.iter().map(|point| point.value).sum())
    }

    /// The largest value.
    pub fn max(&self) -> Option<f64> {
        self.points.iter().map(|point| point.value).reduce(f64::max)
    }

    /// The last point.
    pub fn last(&self) -> Option<Point> {
        self.points.last().copied()
    }
}

/// Percentiles of a duration, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half are faster.
    pub p50_ms: f64,
    /// 19 of 20 are faster.
    pub p95_ms: f64,
    /// 99 of 100 are faster.
    pub p99_ms: f64,
}

/// What a stage's function did in the window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageMetrics {
    /// The stage.
    pub stage: StageName,
    /// The span that it is about.
    pub window: Window,
    /// When the least recent of these was read: while all is calm, some are read less often than others.
    pub oldest_read_at: Timestamp,
    /// Invocations, retries included, throttled ones not.
    pub invocations: Series,
    /// Invocations that ended in an error.
    pub errors: Series,
    /// Attempts that found no free environment.
    pub throttles: Series,
    /// Most environments busy at once.
    pub concurrency: Series,
    /// Longest wait of an event before its invocation, in milliseconds.
    pub async_age_ms: Series,
    /// Events lost: the dead letter queue did not take them either.
    pub dead_letter_errors: Series,
    /// How long an invocation takes, over the whole window.
    pub duration: Option<Percentiles>,
}

impl StageMetrics {
    /// Invocations a minute at the end of the window: of its last two whole minutes the busier one, as `CloudWatch` may not
    /// have all of the last one yet. None when the window has nothing to count.
    pub fn per_minute(&self) -> Option<f64> {
        let since_end = |point: &Point| self.window.end().duration_since(point.at).as_secs().div_euclid(60);
        let last = self.invocations.points.iter().filter(|point| matches!(since_end(point), 2 | 3));
        let busier = last.map(|point| point.value).reduce(f64::max);
        (!self.invocations.points.is_empty()).then(|| busier.unwrap_or_default())
    }

    /// Errors of a hundred invocations.
    pub fn error_percent(&self) -> Option<f64> {
        let invocations = self.invocations.sum().filter(|sum| *sum > 0.0)?;
        Some(100.0 * self.errors.sum()? / invocations)
    }
}

/// A metric of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Metric {
    Invocations,
    Errors,
    Throttles,
    Concurrency,
    AsyncAge,
    DeadLetterErrors,
    Duration,
}

impl Metric {
    const ALL: [Self; 7] = [
        Self::Invocations,
        Self::Errors,
        Self::Throttles,
        Self::Concurrency,
        Self::AsyncAge,
        Self::DeadLetterErrors,
        Self::Duration,
    ];

    /// What tells within a minute that something is amiss; the others then say what.
    const fn is_vital(self) -> bool {
        matches!(self, Self::Invocations | Self::Errors)
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Invocations => "Invocations",
            Self::Errors => "Errors",
            Self::Throttles => "Throttles",
            Self::Concurrency => "ConcurrentExecutions",
            Self::AsyncAge => "AsyncEventAge",
            Self::DeadLetterErrors => "DeadLetterErrors",
            Self::Duration => "Duration",
        }
    }
}

/// What is known of all stages, and when each metric was read.
#[derive(Debug, Clone)]
pub struct Known {
    /// The metrics.
    pub stages: Vec<StageMetrics>,
    read_at: [Timestamp; Metric::ALL.len()],
}

/// Reads all metrics of all stages: seven calls a stage, all at once.
pub async fn read(
    client: &Client,
    stack: &Stack,
    window: Window,
    now: Timestamp,
) -> Result<Vec<StageMetrics>, AwsError> {
    Ok(refresh(client, stack, window, now, None, false).await?.stages)
}

/// Reads metrics again. While all is calm, only invocations, errors and the one that was read longest ago: three calls a
/// stage, so each is at most five reads old. A call costs $0.00001, and all 21 every minute of a month were $9.
///
/// All of them are read at first, when what is known tells of errors or throttles, and when the caller knows something
/// to be `amiss`.
pub async fn refresh(
    client: &Client,
    stack: &Stack,
    window: Window,
    now: Timestamp,
    known: Option<&Known>,
    amiss: bool,
) -> Result<Known, AwsError> {
    let known = known.filter(|known| !amiss && known.is_calm() && known.stages.len() == StageName::ALL.len());
    let wanted = known.map_or_else(|| Metric::ALL.to_vec(), Known::wanted);
    let read_at = Metric::ALL.map(|metric| match known {
        Some(known) if !wanted.contains(&metric) => known.read_at[metric as usize],
        _ => now,
    });
    let oldest = read_at.iter().min().copied().unwrap_or(now);
    let stages = stack.stages.iter().map(|(name, stage)| {
        let before = known.and_then(|known| known.stages.iter().find(|metrics| metrics.stage == name));
        let mut metrics = match before {
            Some(before) => before.in_window(window),
            None => StageMetrics::unknown(name, window),
        };
        metrics.oldest_read_at = oldest;
        read_stage(client, &stage.function_name, metrics, &wanted)
    });
    Ok(Known { stages: try_join_all(stages).await?, read_at })
}

impl Known {
    fn is_calm(&self) -> bool {
        let some = |series: &Series| series.points.iter().any(|point| point.value > 0.0);
        !self
            .stages
            .iter()
            .any(|stage| [&stage.errors, &stage.throttles, &stage.dead_letter_errors].into_iter().any(some))
    }

    /// The vital ones, and of the others the one that was read longest ago.
    fn wanted(&self) -> Vec<Metric> {
        let others = Metric::ALL.into_iter().filter(|metric| !metric.is_vital());
        let next = others.min_by_key(|metric| self.read_at[*metric as usize]);
        Metric::ALL.into_iter().filter(|metric| metric.is_vital()).chain(next).collect()
    }
}

/// Reads the wanted metrics of a function into what is known of it.
async fn read_stage(
    client: &Client,
    function: &str,
    mut metrics: StageMetrics,
    wanted: &[Metric],
) -> Result<StageMetrics, AwsError> {
    let window = metrics.window;
    let answers = wanted.iter().map(|metric| async move {
        Ok((*metric, statistics(client, function, metric.name(), window, metric.statistic()).await?))
    });
    for (metric, points) in try_join_all(answers).await? {
        match metric {
            Metric::Invocations => metrics.invocations = Series::of(&points, Datapoint::sum),
            Metric::Errors => metrics.errors = Series::of(&points, Datapoint::sum),
            Metric::Throttles => metrics.throttles = Series::of(&points, Datapoint::sum),
            Metric::DeadLetterErrors => metrics.dead_letter_errors = Series::of(&points, Datapoint::sum),
            Metric::Concurrency => metrics.concurrency = Series::of(&points, Datapoint::maximum),
            Metric::AsyncAge => metrics.async_age_ms = Series::of(&points, Datapoint::maximum),
            Metric::Duration => {
                let values = points.first().and_then(Datapoint::extended_statistics);
                metrics.duration = values.and_then(|values| {
                    let value = |name: &str| values.get(name).copied();
                    Some(Percentiles { p50_ms: value("p50")?, p95_ms: value("p95")?, p99_ms: value("p99")? })
                });
            }
        }
    }
    Ok(metrics)
}

impl Metric {
    const fn statistic(self) -> Wanted {
        match self {
            Self::Duration => Wanted::Percentiles,
            Self::Concurrency | Self::AsyncAge => Wanted::Series(Statistic::Maximum),
            Self::Invocations | Self::Errors | Self::Throttles | Self::DeadLetterErrors => {
                Wanted::Series(Statistic::Sum)
            }
        }
    }
}

impl Series {
    /// A metric's points in order of time; `CloudWatch` has no order.
    pub(super) fn of(points: &[Datapoint], value: fn(&Datapoint) -> Option<f64>) -> Self {
        let by_time: BTreeMap<Timestamp, f64> =
            points.iter().filter_map(|point| Some((point.timestamp().and_then(from_sdk)?, value(point)?))).collect();
        Self { points: by_time.into_iter().map(|(at, value)| Point { at, value }).collect() }
    }

    fn since(&self, start: Timestamp) -> Self {
        Self { points: self.points.iter().filter(|point| point.at >= start).copied().collect() }
    }
}

impl StageMetrics {
    fn unknown(stage: StageName, window: Window) -> Self {
        Self {
            stage,
            window,
            oldest_read_at: Timestamp::UNIX_EPOCH,
            invocations: Series::default(),
            errors: Series::default(),
            throttles: Series::default(),
            concurrency: Series::default(),
            async_age_ms: Series::default(),
            dead_letter_errors: Series::default(),
            duration: None,
        }
    }

    /// The same, as far as it lies in another window.
    fn in_window(&self, window: Window) -> Self {
        let cut = |series: &Series| series.since(window.start);
        Self {
            window,
            invocations: cut(&self.invocations),
            errors: cut(&self.errors),
            throttles: cut(&self.throttles),
            concurrency: cut(&self.concurrency),
            async_age_ms: cut(&self.async_age_ms),
            dead_letter_errors: cut(&self.dead_letter_errors),
            ..self.clone()
        }
    }
}

enum Wanted {
    /// One point a minute.
    Series(Statistic),
    /// One point for the whole window.
    Percentiles,
}

async fn statistics(
    client: &Client,
    function: &str,
    metric: &str,
    window: Window,
    wanted: Wanted,
) -> Result<Vec<Datapoint>, AwsError> {
    let request = client
        .get_metric_statistics()
        .namespace("AWS/Lambda")
        .metric_name(metric)
        .dimensions(Dimension::builder().name("FunctionName").value(function).build())
        .start_time(to_sdk(window.start))
        .end_time(to_sdk(window.end()));
    let request =
        match wanted {
            Wanted::Series(statistic) => request.period(PERIOD).statistics(statistic),
            Wanted::Percentiles => request
                .period(PERIOD * i32::from(window.minutes))
                .set_extended_statistics(Some(vec!["p50".to_owned(), "p95".to_owned(), "p99".to_owned()])),
        };
    let answer = request.send().await.doing(|| format!("read metric {metric} of {function}"))?;
    Ok(answer.datapoints.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_with_the_running_minute() {
        let window = Window::ending_at("2026-11-22T12:34:56Z".parse().unwrap(), 15);
        assert_eq!(window.start.to_string(), "2026-11-22T12:20:00Z");
        assert_eq!(window.end().to_string(), "2026-11-22T12:35:00Z");
    }

    #[test]
    fn no_data_is_not_zero() {
        assert_eq!(Series::default().sum(), None);
        assert_eq!(Series::default().max(), None);
    }
}

#[cfg(test)]
mod reads {
    use aws_sdk_cloudwatch::operation::get_metric_statistics::GetMetricStatisticsOutput;
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing;
    use crate::stack::samples;

    #[tokio::test]
    async fn minutes_are_ordered_and_a_metric_without_data_stays_empty() {
        let window = Window::ending_at("2026-11-22T12:14:30Z".parse().unwrap(), 15);
        let series = mock!(Client::get_metric_statistics)
            .match_requests(|request| request.metric_name() == Some("Invocations") && request.period() == Some(60))
            .then_output(|| {
                let point = |minute: i64, sum: f64| {
                    let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
                    Datapoint::builder().timestamp(to_sdk(at + SignedDuration::from_mins(minute))).sum(sum).build()
                };
                let points = [(7, 30.0), (2, 15.0), (14, 4.0), (12, 9.0), (13, 8.0)].map(|(at, sum)| point(at, sum));
                GetMetricStatisticsOutput::builder().set_datapoints(Some(points.to_vec())).build()
            });
        let percentiles = mock!(Client::get_metric_statistics)
            .match_requests(|request| request.metric_name() == Some("Duration") && request.period() == Some(900))
            .then_output(|| {
                let point = Datapoint::builder().extended_statistics("p50", 40.0).extended_statistics("p95", 80.0);
                GetMetricStatisticsOutput::builder().datapoints(point.extended_statistics("p99", 90.0).build()).build()
            });
        let nothing = mock!(Client::get_metric_statistics)
            .match_requests(|request| !matches!(request.metric_name(), Some("Invocations" | "Duration")))
            .then_output(|| GetMetricStatisticsOutput::builder().build());
        let client = testing::clients(&[&series, &percentiles, &nothing]).cloudwatch;
        let metrics = read(&client, &samples::stack(), window, window.end()).await.unwrap();
        assert_eq!(metrics.iter().map(|metrics| metrics.stage).collect::<Vec<_>>(), StageName::ALL);
        let ingestion = &metrics[0];
        assert_eq!(
            ingestion.invocations.points.iter().map(|point| point.value).collect::<Vec<_>>(),
            [15.0, 30.0, 9.0, 8.0, 4.0]
        );
        assert_eq!(ingestion.per_minute(), Some(9.0), "the minute that runs is not whole, the one before perhaps not");
        let mut quiet = ingestion.clone();
        quiet.invocations.points.truncate(2);
        assert_eq!(quiet.per_minute(), Some(0.0), "it has passed");
        assert_eq!(ingestion.duration.map(|duration| duration.p99_ms), Some(90.0));
        assert_eq!((ingestion.errors.sum(), ingestion.error_percent()), (None, None));
        assert_eq!(series.num_calls() + percentiles.num_calls() + nothing.num_calls(), 3 * 7);
    }

    #[tokio::test]
    async fn while_all_is_calm_the_slow_ones_take_turns() {
        let rule = mock!(Client::get_metric_statistics).then_compute_output(|request| {
            // Everything has one point at the window's end, so what was read when can be seen.
            let at = request.end_time().copied().unwrap();
            let value = if request.metric_name() == Some("Invocations") { 5.0 } else { 0.0 };
            let point = Datapoint::builder().timestamp(at).sum(value).maximum(value).build();
            GetMetricStatisticsOutput::builder().datapoints(point).build()
        });
        let client = testing::clients(&[&rule]).cloudwatch;
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let mut known: Option<Known> = None;
        let mut calls = Vec::new();
        for minute in 0..=5 {
            let window = Window::ending_at(at(minute), 15);
            let before = rule.num_calls();
            known = Some(refresh(&client, &samples::stack(), window, at(minute), known.as_ref(), false).await.unwrap());
            calls.push(rule.num_calls() - before);
        }
        assert_eq!(calls, [21, 9, 9, 9, 9, 9]);
        let known = known.unwrap();
        assert_eq!(known.stages[0].oldest_read_at, at(1), "each of the five slow ones within five minutes");
        assert_eq!(known.stages[0].invocations.points.len(), 1, "the vital ones are read whole each time");
        refresh(&client, &samples::stack(), Window::ending_at(at(6), 15), at(6), Some(&known), true).await.unwrap();
        assert_eq!(rule.num_calls(), 21 + 5 * 9 + 21, "all of them when something is amiss");
    }

    #[tokio::test]
    async fn errors_make_every_metric_worth_its_price() {
        let rule = mock!(Client::get_metric_statistics).then_compute_output(|request| {
            let value = if request.metric_name() == Some("Errors") { 1.0 } else { 0.0 };
            let point = Datapoint::builder().timestamp(request.start_time().copied().unwrap()).sum(value).build();
            GetMetricStatisticsOutput::builder().datapoints(point).build()
        });
        let client = testing::clients(&[&rule]).cloudwatch;
        let now = Timestamp::from_second(600).unwrap();
        let window = Window::ending_at(now, 15);
        let known = refresh(&client, &samples::stack(), window, now, None, false).await.unwrap();
        refresh(&client, &samples::stack(), window, now, Some(&known), false).await.unwrap();
        assert_eq!(rule.num_calls(), 42);
    }
}
