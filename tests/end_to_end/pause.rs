//! A paused stage: its events are kept in the dead letter queue, untried, and none is lost.

use end_to_end::Stack;
use end_to_end::events::{id, text, time, trade, unique};
use end_to_end::wait::{PATIENCE, until};
use serde_json::Value;

async fn opsctl(stack: &Stack, args: &[&str]) -> (Option<i32>, Value) {
    let (code, out, err) = stack.opsctl(&[&["-o", "json"], args].concat()).await.expect("opsctl runs");
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}{err}")))
}

#[tokio::test]
async fn a_paused_stage_keeps_its_events_and_goes_on_as_deployed() {
    let (stack, _guard) = Stack::exclusive().await;
    let deployed = concurrency(&stack).await;

    // Nobody confirmed: it goes on.
    let (code, _, err) = stack.opsctl(&["pause", "processing"]).await.expect("opsctl runs");
    assert_eq!(code, Some(6), "{err}");
    assert_eq!(concurrency(&stack).await, deployed);

    let (code, paused) = opsctl(&stack, &["--yes", "pause", "processing", "--reason", "a test"]).await;
    assert_eq!((code, &paused["paused"], &paused["changed"]), (Some(0), &Value::from(true), &Value::from(true)));
    assert_eq!(concurrency(&stack).await, Some(0));
    let (code, again) = opsctl(&stack, &["--yes", "pause", "processing"]).await;
    assert_eq!((code, &again["changed"]), (Some(0), &Value::from(false)), "a second pause changes nothing");

    // Its events are stored by ingestion and kept in its queue, without a try.
    let symbol = unique("PAUSE");
    let event = trade(&symbol, "10", &time(0));
    stack.publish(std::slice::from_ref(&event)).await;
    until("its letter is there", PATIENCE, || async {
        let peek = ["dlq", "peek", "processing", "--all", "--symbol", &symbol];
        let (_, peek) = opsctl(&stack, &peek).await;
        if peek["matching"] == 1 { Ok(()) } else { Err(peek.to_string()) }
    })
    .await;
    assert!(stack.audit(id(&event), "processing").await.is_empty(), "it was not tried");
    assert_eq!(stack.row(&event).await.as_ref().and_then(|row| text(row, "status")), Some("RECEIVED"));

    // Everybody is told, and told what to do.
    let (code, status) = opsctl(&stack, &["status"]).await;
    let finding = status["findings"].as_array().into_iter().flatten().find(|finding| finding["lint"] == "stage-paused");
    let finding = finding.unwrap_or_else(|| panic!("status says nothing of the pause: {status}"));
    assert_eq!((code, &finding["action"]), (Some(3), &Value::from(stack.suggested("resume processing"))));

    let (code, resumed) = opsctl(&stack, &["--yes", "resume", "processing"]).await;
    assert_eq!((code, &resumed["paused"], &resumed["changed"]), (Some(0), &Value::from(false), &Value::from(true)));
    assert_eq!(concurrency(&stack).await, deployed);
    assert!(resumed.get("redrive").is_none(), "nobody asked for it, and nobody is there to be asked: {resumed}");
    let (code, out, _) = stack.opsctl(&["--yes", "resume", "processing"]).await.expect("opsctl runs");
    assert_eq!(code, Some(0));
    for line in ["processing is not paused", &stack.suggested("redrive dlq processing --execute")] {
        assert!(out.contains(line), "a second resume changes nothing and says what to do: {out}");
    }

    // What was kept is the event: redriven, it is processed.
    let (_, redriven) = opsctl(&stack, &["--yes", "resume", "processing", "--redrive"]).await;
    let letters = redriven["redrive"]["letters"].as_array().into_iter().flatten();
    let ours: Vec<&Value> = letters.filter(|letter| letter["event_id"] == event["event_id"]).collect();
    assert!(matches!(ours.as_slice(), [letter] if letter["outcome"] == "redriven"), "{redriven}");
    stack.processed(&event).await;

    // Both are in the journal, with the reason.
    let run = paused["run"].as_str().expect("has a run");
    let (code, journal) = opsctl(&stack, &["journal", "show", run]).await;
    assert_eq!(code, Some(0));
    assert!(journal.to_string().contains("a test"), "{journal}");
}

async fn concurrency(stack: &Stack) -> Option<i32> {
    let request = stack.lambda.get_function_concurrency().function_name(&stack.stages.processing.function_name);
    request.send().await.expect("GetFunctionConcurrency").reserved_concurrent_executions
}
