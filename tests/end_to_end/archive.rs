//! The archive keeps every event of the bus, and a replay brings them back without a second effect.

use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::{ReplayDestination, ReplayState};
use end_to_end::Stack;
use end_to_end::events::{id, time, trade, unique};
use end_to_end::wait::{PATIENCE, until};

#[tokio::test]
async fn the_archive_counts_events_and_a_replay_has_no_second_effect() {
    let (stack, _guard) = Stack::exclusive().await;
    let count = async || {
        let archive = stack.eventbridge.describe_archive().archive_name(&stack.archive).send().await;
        archive.expect("DescribeArchive").event_count()
    };
    let before = count().await;
    let from = jiff::Timestamp::now().as_second() - 1;
    let symbol = unique("ARC");
    let events: Vec<_> = (0..5).map(|n| trade(&symbol, "100", &time(10 - n))).collect();
    stack.publish(&events).await;
    let mut rows = Vec::new();
    for event in &events {
        rows.push(stack.processed(event).await);
    }
    until("the archive has the five raw events and what came of them", PATIENCE, || async {
        let now = count().await;
        if now >= before + 10 { Ok(()) } else { Err(format!("{before} before, {now} now")) }
    })
    .await;

    let name = unique("replay-");
    let destination = ReplayDestination::builder().arn(&stack.bus_arn).filter_arns(&stack.stages.ingestion.rule_arn);
    stack
        .eventbridge
        .start_replay()
        .replay_name(&name)
        .event_source_arn(&stack.archive_arn)
        .event_start_time(DateTime::from_secs(from))
        .event_end_time(DateTime::from_secs(jiff::Timestamp::now().as_second() + 1))
        .destination(destination.build().expect("has an ARN"))
        .send()
        .await
        .expect("StartReplay");
    until("the replay completes", PATIENCE, || async {
        let state = stack.eventbridge.describe_replay().replay_name(&name).send().await.expect("DescribeReplay").state;
        if state == Some(ReplayState::Completed) { Ok(()) } else { Err(format!("{state:?}")) }
    })
    .await;

    for (event, row) in events.iter().zip(&rows) {
        // The replayed event arrived, was recognised, and changed nothing.
        stack.audited(id(event), "ingestion", "DUPLICATE").await;
        assert_eq!(stack.row(event).await.as_ref(), Some(row));
        assert_eq!(stack.audit_statuses(id(event), "processing").await, ["PROCESSED"]);
    }
}

#[tokio::test]
async fn a_replay_restores_rows_that_were_lost() {
    let (stack, _guard) = Stack::exclusive().await;
    let from = jiff::Timestamp::now().as_second() - 1;
    let event = trade(&unique("LOST"), "100", &time(0));
    stack.publish(std::slice::from_ref(&event)).await;
    let row = stack.processed(&event).await;
    stack.forget(&event).await;

    let name = unique("restore-");
    let destination = ReplayDestination::builder().arn(&stack.bus_arn).filter_arns(&stack.stages.ingestion.rule_arn);
    stack
        .eventbridge
        .start_replay()
        .replay_name(&name)
        .event_source_arn(&stack.archive_arn)
        .event_start_time(DateTime::from_secs(from))
        .event_end_time(DateTime::from_secs(jiff::Timestamp::now().as_second() + 1))
        .destination(destination.build().expect("has an ARN"))
        .send()
        .await
        .expect("StartReplay");
    let restored = stack.processed(&event).await;
    assert_eq!(restored["payload"], row["payload"]);
    assert_eq!(restored["replay"].as_s().map(String::as_str), Ok(name.as_str()), "the row says where it came from");
}
