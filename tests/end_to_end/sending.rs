//! `opsctl send-test-event`: sent, followed, and written down.

use end_to_end::Stack;
use end_to_end::events::unique;
use serde_json::{Value, json};

#[tokio::test]
async fn a_test_event_is_followed_marked_for_debugging_and_in_the_journal() {
    let (stack, _guard) = Stack::shared().await;
    let (symbol, dir) = (unique("SEND"), tempfile::tempdir().expect("a directory"));
    let journal = dir.path().display().to_string();
    let args = ["-o", "json", "--journal-dir", &journal];
    let send = ["send-test-event", "--symbol", &symbol, "--debug", "--wait"];
    let (code, out, err) = stack.opsctl(&[&args[..], &send].concat()).await.expect("opsctl runs");
    assert_eq!(code, Some(0), "{err}{out}");
    let report: Value = serde_json::from_str(&out).expect("JSON");
    let event = &report["follow"]["events"][0];
    let [row] = stack.rows_of(&symbol).await.try_into().expect("one row");
    let payload: Value = serde_json::from_str(row["payload"].as_s().expect("text")).expect("JSON");
    assert_eq!(payload["metadata"], json!({ "debug": true }));

    let show = ["journal", "show", report["run"].as_str().expect("a run")];
    let (code, out, err) = stack.opsctl(&[&args[..], &show].concat()).await.expect("opsctl runs");
    assert_eq!(code, Some(0), "{err}");
    let run: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&run["change"], &run["state"]), (&json!("send_test_events"), &json!("done")), "{run}");
    let records = run["records"].as_array().expect("records");
    assert_eq!((&records[0]["record"], &records[0]["body"]["symbol"]), (&json!("planned"), &json!(symbol)));
    assert_eq!((&records[1]["record"], &records[1]["event_ids"][0]), (&json!("sent"), &event["event_id"]));

    let (code, _, err) =
        stack.opsctl(&[&args[..], &["--read-only", "send-test-event"]].concat()).await.expect("opsctl runs");
    assert_eq!(code, Some(6), "{err}");
}
