//! One X-Ray trace spans the three functions.

use std::collections::BTreeMap;

use end_to_end::Stack;
use end_to_end::events::{id, time, trade, unique};
use end_to_end::wait::{PATIENCE, until};
use serde_json::Value;

/// Every segment document of a trace.
pub(crate) async fn segments(stack: &Stack, trace_id: &str) -> Vec<Value> {
    let answer = stack.xray.batch_get_traces().trace_ids(trace_id).send().await.expect("BatchGetTraces");
    let traces = answer.traces.unwrap_or_default();
    traces
        .iter()
        .flat_map(aws_sdk_xray::types::Trace::segments)
        .filter_map(|segment| serde_json::from_str(segment.document()?).ok())
        .collect()
}

#[tokio::test]
async fn one_trace_spans_the_three_functions() {
    let (stack, _guard) = Stack::shared().await;
    let symbol = unique("TRC");
    let calm = trade(&symbol, "100", &time(2000));
    stack.publish(std::slice::from_ref(&calm)).await;
    stack.processed(&calm).await;

    let trace_id = new_trace_id();
    let jump = trade(&symbol, "110", &time(0));
    stack.publish_traced(std::slice::from_ref(&jump), Some(&format!("Root={trace_id};Sampled=1"))).await;
    let sent = stack.audited(id(&jump), "notification", "SENT").await;
    assert_eq!(sent["trace_id"].as_s().map(String::as_str), Ok(trace_id.as_str()));

    let names = [&stack.stages.ingestion, &stack.stages.processing, &stack.stages.notification];
    let names = names.map(|stage| stage.function_name.as_str());
    let documents = until("the trace has a finished segment of each function", PATIENCE, || async {
        let documents = segments(&stack, &trace_id).await;
        let done = |name: &&str| {
            documents
                .iter()
                .any(|d| d["name"] == **name && d["origin"] == "AWS::Lambda::Function" && d["end_time"].is_number())
        };
        if names.iter().all(done) { Ok(documents) } else { Err(format!("{documents:?}")) }
    })
    .await;

    // The parts hang together: every segment but the first has a parent inside the trace.
    let mut ids = BTreeMap::new();
    collect(&documents, &mut ids);
    let orphans: Vec<&Value> = documents
        .iter()
        .filter(|document| document["parent_id"].as_str().is_some_and(|parent| !ids.contains_key(parent)))
        .collect();
    assert!(orphans.is_empty(), "{orphans:?}");
    let roots: Vec<_> = documents.iter().filter(|d| d["parent_id"].is_null()).map(|d| &d["name"]).collect();
    assert_eq!(roots, [names[0]], "the trace starts at ingestion and nowhere else");

    // Each function's AWS calls are subsegments.
    for service in ["DynamoDB", "EventBridge", "SNS"] {
        assert!(ids.values().any(|name| name.eq_ignore_ascii_case(service)), "no call of {service} in {ids:?}");
    }

    let filter = format!("annotation.event_id = \"{}\"", id(&jump));
    let now = jiff::Timestamp::now().as_second();
    let summaries = stack
        .xray
        .get_trace_summaries()
        .start_time(aws_sdk_xray::primitives::DateTime::from_secs(now - 300))
        .end_time(aws_sdk_xray::primitives::DateTime::from_secs(now + 1))
        .filter_expression(&filter)
        .send()
        .await
        .expect("GetTraceSummaries");
    let found: Vec<_> = summaries.trace_summaries().iter().filter_map(|summary| summary.id()).collect();
    assert_eq!(found, [trace_id.as_str()], "the event's trace is found by its annotation");
}

/// Ids and names of all segments and their subsegments.
fn collect(documents: &[Value], ids: &mut BTreeMap<String, String>) {
    for document in documents {
        if let (Some(id), Some(name)) = (document["id"].as_str(), document["name"].as_str()) {
            ids.insert(id.to_owned(), name.to_owned());
        }
        if let Some(inner) = document["subsegments"].as_array() {
            collect(inner, ids);
        }
    }
}

/// A trace id of now: `1-{epoch seconds, 8 hex}-{96 bits, 24 hex}`.
fn new_trace_id() -> String {
    let now = jiff::Timestamp::now();
    format!("1-{:08x}-{:024x}", now.as_second(), now.as_nanosecond())
}
