//! What `CloudWatch` counts of a rule of the bus (`AWS/Events`).

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Datapoint, Dimension, Statistic};
use jiff::{SignedDuration, Timestamp};

use super::time::to_sdk;
use super::{AwsError, Doing};

/// An answer has at most so many points.
const POINTS: i64 = 1440;

/// How many events matched the rule from `from` to `to`, as of `now`, in whole periods. `CloudWatch` keeps minutes for 15
/// days, five minutes for 63, hours for 455: older spans are counted that coarsely. Events of a replay match again and are
/// counted again.
pub async fn matched(
    client: &Client,
    bus: &str,
    rule: &str,
    (from, to): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<u64, AwsError> {
    let period = period(from, to, now);
    let answer = client
        .get_metric_statistics()
        .namespace("AWS/Events")
        .metric_name("MatchedEvents")
        .dimensions(Dimension::builder().name("EventBusName").value(bus).build())
        .dimensions(Dimension::builder().name("RuleName").value(rule).build())
        .start_time(to_sdk(from))
        .end_time(to_sdk(to))
        .period(period)
        .statistics(Statistic::Sum)
        .send()
        .await
        .doing(|| format!("read how many events matched rule {rule}"))?;
    let sum: f64 = answer.datapoints().iter().filter_map(Datapoint::sum).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of events")]
    Ok(sum.max(0.0).round() as u64)
}

/// The shortest period, in seconds, that is still kept and gives few enough points.
fn period(from: Timestamp, to: Timestamp, now: Timestamp) -> i32 {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let unit = match now.duration_since(from) {
        age if age <= days(15) => 60,
        age if age <= days(63) => 300,
        _ => 3600,
    };
    let seconds = to.duration_since(from).as_secs().max(1);
    let least = seconds.div_euclid(POINTS) + 1;
    let units = (least + unit - 1).div_euclid(unit);
    i32::try_from(units * unit).unwrap_or(86_400)
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::operation::get_metric_statistics::GetMetricStatisticsOutput;
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn periods_follow_what_is_kept_and_how_many_points_an_answer_has() {
        let day = 86_400;
        let now = 400 * day;
        for (from, to, expected) in [
            (now - 600, now, 60),
            (now - day, now, 120),
            (now - 10 * day, now - 10 * day + 3600, 60),
            (now - 16 * day, now - 16 * day + 3600, 300),
            (now - 70 * day, now - 70 * day + 3600, 3600),
        ] {
            let period = period(at(from), at(to), at(now));
            assert_eq!(period, expected, "{} s back, {} s long", now - from, to - from);
            assert!((to - from) / i64::from(period) <= POINTS);
        }
    }

    #[tokio::test]
    async fn minutes_add_up_and_no_data_are_no_events() {
        let some = mock!(Client::get_metric_statistics)
            .match_requests(|request| request.dimensions().iter().any(|it| it.value() == Some("rule-ingestion-dev")))
            .then_output(|| {
                let point = |sum: f64| Datapoint::builder().sum(sum).build();
                GetMetricStatisticsOutput::builder().datapoints(point(30.0)).datapoints(point(12.0)).build()
            });
        let none = mock!(Client::get_metric_statistics)
            .match_requests(|request| request.dimensions().iter().any(|it| it.value() == Some("rule-processing-dev")))
            .then_output(|| GetMetricStatisticsOutput::builder().build());
        let client = testing::clients(&[&some, &none]).cloudwatch;
        let span = (at(0), at(600));
        assert_eq!(matched(&client, "bus", "rule-ingestion-dev", span, at(600)).await, Ok(42));
        assert_eq!(matched(&client, "bus", "rule-processing-dev", span, at(600)).await, Ok(0));
    }
}
