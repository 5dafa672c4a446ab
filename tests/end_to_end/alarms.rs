//! An alarm goes through its states and tells the topic of each.

use std::time::Duration;

use aws_sdk_cloudwatch::types::StateValue;
use end_to_end::Stack;
use end_to_end::events::{id, time, trade, unique};
use end_to_end::wait::until;

/// An alarm has a period of 60 s: it cannot be back before the next period is over.
const TWO_PERIODS: Duration = Duration::from_mins(4);

async fn wait_for(stack: &Stack, alarm: &str, state: StateValue) {
    until(&format!("{alarm} is {state:?}"), TWO_PERIODS, || async {
        let answer = stack.cloudwatch.describe_alarms().alarm_names(alarm).send().await.expect("DescribeAlarms");
        let alarms = answer.metric_alarms();
        let now = alarms.first().and_then(|alarm| alarm.state_value().cloned());
        if now.as_ref() == Some(&state) { Ok(()) } else { Err(format!("{alarms:?}")) }
    })
    .await;
}

#[tokio::test]
async fn the_errors_alarm_goes_to_alarm_and_back_and_the_topic_hears_of_both() {
    let (stack, _guard) = Stack::exclusive().await;
    let stage = &stack.stages.ingestion;
    let alarm = stage.function_name.replacen("lambda-ingestion-", "alarm-ingestion-errors-", 1);
    wait_for(&stack, &alarm, StateValue::Ok).await;
    let spy = stack.spy().await;

    let permissions = stack.inline_permissions(&stage.role_name).await.expect("policies");
    let publish = permissions.iter().find(|p| p.action == "events:PutEvents").expect("ingestion publishes");
    let event = trade(&unique("ALM"), "10", &time(0));
    stack.strip(publish).await.expect("strip");
    stack.publish(std::slice::from_ref(&event)).await;
    stack.dead_letters(stage, id(&event)).await;
    stack.restore(publish).await.expect("restore");

    wait_for(&stack, &alarm, StateValue::Alarm).await;
    let raised = spy.notification(&stack, &alarm).await;
    assert!(
        raised["Message"].as_str().is_some_and(|m| m.contains("\"NewStateValue\"") && m.contains("ALARM")),
        "{raised}"
    );
    wait_for(&stack, &alarm, StateValue::Ok).await;
    let cleared = spy.notification(&stack, &alarm).await;
    let message: serde_json::Value = serde_json::from_str(cleared["Message"].as_str().unwrap()).expect("JSON");
    assert_eq!((&message["OldStateValue"], &message["NewStateValue"]), (&"ALARM".into(), &"OK".into()));
    spy.close(&stack).await;
}
