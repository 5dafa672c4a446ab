use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::operation::get_metric_statistics::GetMetricStatisticsOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity};
use aws_sdk_eventbridge::operation::describe_rule::DescribeRuleOutput;
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_sqs::operation::get_queue_attributes::GetQueueAttributesOutput;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_sdk_xray::operation::get_service_graph::GetServiceGraphOutput;
use aws_smithy_mocks::{Rule, mock};
use jiff::{SignedDuration, Timestamp};

use super::schedule::usual_calls;
use super::{Fetch, SourceName, samples};
use crate::aws::{AwsErrorKind, testing};
use crate::stack;

/// A stack in which nothing happens: one event stored, no alarm, no dead letter.
fn calm() -> Vec<Rule> {
    vec![
        mock!(aws_sdk_cloudwatch::Client::describe_alarms).then_output(|| DescribeAlarmsOutput::builder().build()),
        mock!(aws_sdk_cloudwatch::Client::get_metric_statistics)
            .then_output(|| GetMetricStatisticsOutput::builder().build()),
        mock!(aws_sdk_sqs::Client::get_queue_attributes).then_output(|| {
            GetQueueAttributesOutput::builder()
                .attributes(QueueAttributeName::ApproximateNumberOfMessages, "0")
                .attributes(QueueAttributeName::ApproximateNumberOfMessagesNotVisible, "0")
                .build()
        }),
        mock!(aws_sdk_lambda::Client::get_function).then_output(|| GetFunctionOutput::builder().build()),
        mock!(aws_sdk_eventbridge::Client::describe_rule).then_output(|| DescribeRuleOutput::builder().build()),
        mock!(aws_sdk_xray::Client::get_service_graph).then_output(|| GetServiceGraphOutput::builder().build()),
        mock!(aws_sdk_dynamodb::Client::query).then_output(|| {
            let text = |text: &str| AttributeValue::S(text.to_owned());
            let item = [
                ("event_id", text("e1")),
                ("timestamp", text("2026-11-22T12:00:00.000000Z")),
                ("event_type", text("trade")),
                ("symbol", text("BTCUSDT")),
                ("status", text("PROCESSED")),
            ];
            let item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let capacity = ConsumedCapacity::builder().capacity_units(0.5).build();
            QueryOutput::builder().items(item).consumed_capacity(capacity).build()
        }),
    ]
}

#[tokio::test]
async fn the_calls_that_a_source_is_said_to_take_are_those_that_it_takes() {
    let rules = calm();
    let clients = testing::clients(&rules.iter().collect::<Vec<_>>());
    let fetch = Fetch::new(clients, stack::samples::stack(), 15, 100).repeatedly();
    for source in SourceName::ALL {
        fetch.counted(source, samples::now()).await;
        // The first read is larger; what follows is what a month is made of.
        let later = samples::now() + SignedDuration::from_secs(20);
        let (update, calls) = fetch.counted(source, later).await;
        assert_eq!(update.error(), None, "{source}");
        assert_eq!(calls, usual_calls(source), "{source}");
    }
}

#[tokio::test]
async fn the_past_says_what_is_not_kept_and_its_time_is_now() {
    let rules = calm();
    let clients = testing::clients(&rules.iter().collect::<Vec<_>>());
    let at: Timestamp = "2026-11-22T11:00:00Z".parse().unwrap();
    let fetch = Fetch::new(clients, stack::samples::stack(), 15, 5).at(Some(at));
    for source in [SourceName::Functions, SourceName::DeadLetters] {
        let update = fetch.one(source, samples::now()).await;
        assert_eq!(update.error().map(|error| error.kind), Some(AwsErrorKind::NotKept), "{source}");
    }
    let snapshot = fetch.empty(samples::now());
    assert_eq!((snapshot.at, snapshot.taken_at), (Some(at), at));
}
