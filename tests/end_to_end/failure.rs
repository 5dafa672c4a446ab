//! A function that fails: three attempts under one request id, then Lambda's own dead letter.

use end_to_end::Stack;
use end_to_end::events::{id, text, time, trade, unique};

#[tokio::test]
async fn a_function_error_is_tried_three_times_and_then_becomes_a_dead_letter() {
    let (stack, _guard) = Stack::exclusive().await;
    let stage = &stack.stages.ingestion;
    let permissions = stack.inline_permissions(&stage.role_name).await.expect("policies");
    let publish = permissions.iter().find(|p| p.action == "events:PutEvents").expect("ingestion publishes");

    let event = trade(&unique("ERR"), "10", &time(0));
    stack.strip(publish).await.expect("strip");
    stack.publish(std::slice::from_ref(&event)).await;
    let letters = stack.dead_letters(stage, id(&event)).await;
    stack.restore(publish).await.expect("restore");

    let [letter] = letters.as_slice() else { panic!("one dead letter, not {letters:?}") };
    // Lambda's own attributes: RequestID is a String, ErrorCode the HTTP status as a Number, ErrorMessage at most 1 KB.
    assert_eq!(letter.attributes["RequestID"].0, "String");
    assert_eq!(letter.attributes["ErrorCode"], ("Number".to_owned(), "200".to_owned()));
    let message = letter.attribute("ErrorMessage");
    assert!(!message.is_empty() && message.len() <= 1024, "{message}");
    assert_eq!(letter.envelope["detail"], event, "the body is the event itself");

    let attempts = stack.audit(id(&event), "ingestion").await;
    let failed: Vec<_> = attempts.iter().filter(|row| text(row, "status") == Some("FAILED")).collect();
    assert_eq!(failed.len(), 3, "{attempts:?}");
    for row in failed {
        assert_eq!(text(row, "request_id"), Some(letter.attribute("RequestID")), "one request id over all attempts");
    }

    // Nothing is lost: the stored event is still RECEIVED, and the same envelope sent again completes it.
    let row = stack.row(&event).await.expect("stored before the publish failed");
    assert_eq!(text(&row, "status"), Some("RECEIVED"));
    stack.publish(std::slice::from_ref(&event)).await;
    stack.processed(&event).await;
    stack.audited(id(&event), "ingestion", "REPUBLISHED").await;
}
