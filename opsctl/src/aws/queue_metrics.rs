//! What `CloudWatch` keeps of a queue (`AWS/SQS`).

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{Datapoint, Dimension, Statistic};
use jiff::{SignedDuration, Timestamp};

use super::metrics::Series;
use super::time::to_sdk;
use super::{AwsError, Doing};

/// SQS tells `CloudWatch` of a queue each minute, and of one that nobody used for six hours nothing at all. So the last
/// word within this time holds.
const HOLDS: SignedDuration = SignedDuration::from_mins(15);

/// A queue at a time in the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastQueue {
    /// Messages that waited.
    pub depth: u64,
    /// Messages that someone had received and not yet deleted.
    pub in_flight: u64,
    /// When the oldest had come in, as far as SQS's metric tells: it skips what was received three times.
    pub oldest: Option<Timestamp>,
}

/// Reads a queue's last words at or before `at`. [`super::AwsErrorKind::NotKept`] when there are none.
pub async fn at(client: &Client, queue: &str, at: Timestamp) -> Result<PastQueue, AwsError> {
    let last = |metric: &'static str| async move {
        let answer = client
            .get_metric_statistics()
            .namespace("AWS/SQS")
            .metric_name(metric)
            .dimensions(Dimension::builder().name("QueueName").value(queue).build())
            .start_time(to_sdk(at - HOLDS))
            .end_time(to_sdk(at))
            .period(60)
            .statistics(Statistic::Maximum)
            .send()
            .await
            .doing(|| format!("read metric {metric} of queue {queue} at {at}"))?;
        Ok::<_, AwsError>(Series::of(answer.datapoints(), Datapoint::maximum).last())
    };
    let (depth, in_flight, age) = futures::try_join!(
        last("ApproximateNumberOfMessagesVisible"),
        last("ApproximateNumberOfMessagesNotVisible"),
        last("ApproximateAgeOfOldestMessage"),
    )?;
    let Some(depth) = depth else {
        let mut error = AwsError::not_kept(format!("read the depth of queue {queue} at {at}"));
        "CloudWatch has no word of it from then".clone_into(&mut error.reason);
        return Err(error);
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of messages")]
    let count = |value: f64| value.max(0.0) as u64;
    let oldest = age.filter(|age| age.value > 0.0 && depth.value > 0.0);
    Ok(PastQueue {
        depth: count(depth.value),
        in_flight: in_flight.map_or(0, |point| count(point.value)),
        oldest: oldest.and_then(|age| age.at.checked_sub(SignedDuration::try_from_secs_f64(age.value).ok()?).ok()),
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::operation::get_metric_statistics::GetMetricStatisticsOutput;
    use aws_smithy_mocks::{Rule, mock};

    use super::*;
    use crate::aws::{AwsErrorKind, testing};

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    /// Answers a metric with these values, a minute each; without values, with nothing.
    fn metric(name: &'static str, values: &'static [(i64, f64)]) -> Rule {
        mock!(Client::get_metric_statistics)
            .match_requests(move |request| {
                request.metric_name() == Some(name) && request.end_time() == Some(&to_sdk(minute(20)))
            })
            .then_output(move || {
                let points = values
                    .iter()
                    .map(|(at, value)| Datapoint::builder().timestamp(to_sdk(minute(*at))).maximum(*value).build());
                GetMetricStatisticsOutput::builder().set_datapoints(Some(points.collect())).build()
            })
    }

    #[tokio::test]
    async fn the_last_word_before_holds() {
        let rules = [
            metric("ApproximateNumberOfMessagesVisible", &[(18, 412.0), (12, 3.0)]),
            metric("ApproximateNumberOfMessagesNotVisible", &[(18, 2.0)]),
            metric("ApproximateAgeOfOldestMessage", &[(18, 90.0)]),
        ];
        let client = testing::clients(&rules.iter().collect::<Vec<_>>()).cloudwatch;
        let queue = Box::pin(at(&client, "q", minute(20))).await.unwrap();
        let oldest = Some(minute(18) - SignedDuration::from_secs(90));
        assert_eq!(queue, PastQueue { depth: 412, in_flight: 2, oldest });
    }

    #[tokio::test]
    async fn no_word_is_not_an_empty_queue() {
        let rules = [
            metric("ApproximateNumberOfMessagesVisible", &[]),
            metric("ApproximateNumberOfMessagesNotVisible", &[]),
            metric("ApproximateAgeOfOldestMessage", &[]),
        ];
        let client = testing::clients(&rules.iter().collect::<Vec<_>>()).cloudwatch;
        let error = Box::pin(at(&client, "q", minute(20))).await.unwrap_err();
        assert_eq!(error.kind, AwsErrorKind::NotKept);
    }
}
