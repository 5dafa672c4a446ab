//! Every permission of every role is used: without any one of them something visible breaks. And nothing else is granted:
//! the table is compared with the deployed policies, so a permission that no row explains fails the test.

use std::collections::BTreeSet;

use end_to_end::Stack;
use end_to_end::observe::{Fact, HEALTHY};

/// What breaks without which permission: stage, statement, action, fact.
const TABLE: [(&str, &str, &str, Fact); 22] = [
    ("ingestion", "ReadOwnParameters", "ssm:GetParameters", Fact::Works),
    ("ingestion", "WriteAudit", "dynamodb:PutItem", Fact::Works),
    ("ingestion", "UseEvents", "dynamodb:PutItem", Fact::Works),
    ("ingestion", "PublishEvents", "events:PutEvents", Fact::Works),
    ("ingestion", "SendToOwnDeadLetters", "sqs:SendMessage", Fact::Rejects),
    ("ingestion", "WriteTraces", "xray:PutTraceSegments", Fact::Traces),
    ("ingestion", "WriteTraces", "xray:PutTelemetryRecords", Fact::Reports),
    ("processing", "ReadOwnParameters", "ssm:GetParameters", Fact::Works),
    ("processing", "WriteAudit", "dynamodb:PutItem", Fact::Works),
    ("processing", "UseEvents", "dynamodb:GetItem", Fact::Works),
    ("processing", "UseEvents", "dynamodb:UpdateItem", Fact::Works),
    ("processing", "QueryEventsBySymbol", "dynamodb:Query", Fact::Works),
    ("processing", "PublishEvents", "events:PutEvents", Fact::Works),
    ("processing", "SendToOwnDeadLetters", "sqs:SendMessage", Fact::Rejects),
    ("processing", "WriteTraces", "xray:PutTraceSegments", Fact::Traces),
    ("processing", "WriteTraces", "xray:PutTelemetryRecords", Fact::Reports),
    ("notification", "ReadOwnParameters", "ssm:GetParameters", Fact::Works),
    ("notification", "WriteAudit", "dynamodb:PutItem", Fact::Works),
    ("notification", "PublishAlerts", "sns:Publish", Fact::Works),
    ("notification", "SendToOwnDeadLetters", "sqs:SendMessage", Fact::Rejects),
    ("notification", "WriteTraces", "xray:PutTraceSegments", Fact::Traces),
    ("notification", "WriteTraces", "xray:PutTelemetryRecords", Fact::Reports),
];

const STAGES: [&str; 3] = ["ingestion", "processing", "notification"];
const LOGS_POLICY: &str = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";

#[tokio::test]
async fn a_role_without_any_one_of_its_permissions_breaks_its_stage() {
    let (stack, _guard) = Stack::exclusive().await;
    let healthy = BTreeSet::from(HEALTHY);
    let mut failures = Vec::new();
    let mut explained = 0;
    for stage in STAGES {
        stack.recycle(stage).await;
        let primed = stack.primed().await;
        assert_eq!(stack.observe(stage, primed).await, healthy, "{stage} with all of its permissions");

        for permission in stack.inline_permissions(&stack.stage(stage).role_name).await.expect("policies") {
            let what = format!("{stage} without {} ({})", permission.action, permission.sid);
            let row = TABLE.iter().find(|row| (row.0, row.1, row.2) == (stage, &permission.sid, &permission.action));
            let Some((.., breaks)) = row else {
                failures.push(format!("{what}: no row of the table says what this permission is for"));
                continue;
            };
            explained += 1;
            let primed = stack.primed().await;
            stack.strip(&permission).await.expect("strip");
            if permission.action == "ssm:GetParameters" {
                // A warm environment has its settings and keeps them when they cannot be read again.
                stack.recycle(stage).await;
            }
            let facts = stack.observe(stage, primed).await;
            stack.restore(&permission).await.expect("restore");
            if facts.contains(breaks) {
                failures.push(format!("{what}: {breaks:?} should not hold, but {facts:?} do"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(explained, TABLE.len(), "a row of the table has no permission");
}

#[tokio::test]
async fn a_role_without_the_logs_policy_writes_no_logs() {
    let (stack, _guard) = Stack::exclusive().await;
    for stage in STAGES {
        let role = &stack.stage(stage).role_name;
        let primed = stack.primed().await;
        stack.iam.detach_role_policy().role_name(role).policy_arn(LOGS_POLICY).send().await.expect("detach");
        let facts = stack.observe(stage, primed).await;
        stack.iam.attach_role_policy().role_name(role).policy_arn(LOGS_POLICY).send().await.expect("attach");
        let expected: BTreeSet<Fact> = HEALTHY.into_iter().filter(|fact| *fact != Fact::Logs).collect();
        assert_eq!(facts, expected, "{stage} without {LOGS_POLICY}");
    }
}
