//! `opsctl redrive dlq` by its other ways: every origin, what was rejected, mended letters, the bus, the stage's own word, and
//! what comes back again and again.

use std::process::Stdio;

use end_to_end::Stack;
use end_to_end::events::{id, text, unique};
use end_to_end::letters::real_events;
use end_to_end::stack::project_root;
use end_to_end::wait::{PATIENCE, until};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::redrive::{Journal, Letters};

/// Redrives letters of this symbol in ingestion's queue; gives exit code and report.
async fn redrive(stack: &Stack, symbol: &str, journal: &str, more: &[&str]) -> (Option<i32>, Value) {
    let args =
        ["-o", "json", "--yes", "--journal-dir", journal, "redrive", "dlq", "ingestion", "--symbol", symbol, "-x"];
    let (code, out, err) = stack.opsctl(&[&args[..], more].concat()).await.expect("opsctl runs");
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{more:?}: {error}: {out}{err}")))
}

fn journals() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().display().to_string();
    (dir, path)
}

/// Real trades that ingestion has rejected: their prices are below zero.
async fn rejected(stack: &Stack, count: usize) -> (String, Vec<Value>) {
    let symbol = unique("BAD");
    let trades = real_events(1000, &symbol).into_iter().filter(|event| event["event_type"] == "trade");
    let mut events: Vec<Value> = trades.take(count).collect();
    for event in &mut events {
        event["price"] = "-1".into();
    }
    stack.publish(&events).await;
    until("all are rejected", PATIENCE, || async {
        let (_, out, _) = stack
            .opsctl(&["-o", "json", "dlq", "peek", "ingestion", "--all", "--symbol", &symbol, "--limit", "1"])
            .await
            .expect("opsctl runs");
        let peek: Value = serde_json::from_str(&out).unwrap_or_default();
        if peek["matching"] == count { Ok(()) } else { Err(out) }
    })
    .await;
    (symbol, events)
}

#[tokio::test]
async fn every_origin_is_sent_again_but_a_rejection_stays_until_it_is_asked_for_or_mended() {
    let (stack, _guard) = Stack::exclusive().await;
    let (_dir, journal) = journals();
    let (symbol, bad) = rejected(&stack, 1).await;
    let good = real_events(2, &symbol);
    let good: Vec<Value> = good
        .into_iter()
        .zip(["lambda", "rule"])
        .map(|(mut event, origin)| {
            event["event_id"] = format!("{symbol}-{origin}").into();
            event
        })
        .collect();
    stack.fill(&stack.stages.ingestion, &good[..1]).await;
    stack.fill_as_rule(&stack.stages.ingestion, &good[1..]).await;

    let (code, report) = redrive(&stack, &symbol, &journal, &[]).await;
    assert_eq!(code, Some(0), "{report}");
    let mut causes: Vec<&str> =
        report["letters"].as_array().expect("letters").iter().filter_map(|letter| letter["cause"].as_str()).collect();
    causes.sort_unstable();
    assert_eq!(causes, ["gave up 200", "undelivered NO_PERMISSIONS"], "{report}");
    assert_eq!(report["left"][0]["left"]["why"], "rejected", "{report}");
    assert_eq!(report["left"][0]["event_id"], bad[0]["event_id"]);
    for event in &good {
        stack.processed(event).await;
    }

    // As it is, it is rejected again: the old letter is gone, a new one lies there.
    let (code, report) = redrive(&stack, &symbol, &journal, &["--include-rejected"]).await;
    assert_eq!(code, Some(5), "{report}");
    let [letter] = report["letters"].as_array().expect("letters").as_slice() else { panic!("one letter: {report}") };
    assert_eq!((&letter["outcome"], &letter["stage_says"]["word"]), (&json!("redriven"), &json!("rejected")));
    let old = letter["message_id"].as_str().expect("an id").to_owned();

    // What would be rejected again as mended is not sent.
    let args = ["--yes", "--journal-dir", &journal, "redrive", "dlq", "ingestion", "--symbol", &symbol, "-x"];
    let (code, _, err) = stack.opsctl(&[&args[..], &["--set", "price=-2"]].concat()).await.expect("opsctl runs");
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("would be rejected as mended") && err.contains("price"), "{err}");

    let (code, report) = redrive(&stack, &symbol, &journal, &["--set", "price=\"101.5\""]).await;
    assert_eq!(code, Some(0), "{report}");
    assert_ne!(report["letters"][0]["message_id"], old.as_str());
    let row = stack.processed(&bad[0]).await;
    assert_eq!(row["price"].as_n().map(String::as_str), Ok("101.5"));
    assert!(stack.take_dead_letters(&stack.stages.ingestion, &symbol).await.is_empty());
    // The journal has both: what lay there, and what was sent.
    let show = ["-o", "json", "--journal-dir", &journal, "journal", "show", "last"];
    let (_, out, _) = stack.opsctl(&show).await.expect("opsctl runs");
    let run: Value = serde_json::from_str(&out).expect("JSON");
    let planned = &run["records"][0];
    assert!(planned["original"].as_str().is_some_and(|body| body.contains(r#""price":"-1""#)), "{planned}");
    assert!(planned["body"].as_str().is_some_and(|body| body.contains(r#""price":"101.5""#)), "{planned}");
}

/// Two letters in an editor, which mends one and takes the other out; then the preview, and a `y`, at a real terminal.
#[tokio::test]
async fn letters_are_mended_in_an_editor_at_a_terminal() {
    let (stack, _guard) = Stack::exclusive().await;
    let (dir, journal) = journals();
    let (symbol, bad) = rejected(&stack, 2).await;
    // Letters stand in the text the oldest first, a blank line between; which of the two is first is SQS's to say.
    let editor = dir.path().join("editor");
    std::fs::write(
        &editor,
        "#!/bin/sh\ncp \"$1\" \"$0.seen\"\nsed -i -e '/^$/,$d' -e 's/\"price\": \"-1\"/\"price\": \"77\"/' \"$1\"\n",
    )
    .expect("the editor");
    std::fs::set_permissions(&editor, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("it is executable");
    let opsctl = std::env::current_exe()
        .expect("this")
        .parent()
        .and_then(|deps| deps.parent())
        .expect("a profile")
        .join("opsctl");
    let out = dir.path().join("out.json");
    let line = format!(
        "'{}' --local-dir '{}' --local -o json --journal-dir '{journal}' redrive dlq ingestion --symbol {symbol} -x --edit >'{}'",
        opsctl.display(),
        stack.local_dir.display(),
        out.display()
    );
    // script(1) gives it a terminal.
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env("EDITOR", &editor).env_remove("VISUAL").current_dir(project_root());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script(1), of util-linux, starts");
    let mut keys = child.stdin.take().expect("it is piped");
    keys.write_all(b"y\n").await.expect("it is typed");
    let screen = child.wait_with_output().await.expect("it ends");
    drop(keys);
    let screen_text = String::from_utf8_lossy(&screen.stdout);
    assert_eq!(screen.status.code(), Some(0), "{screen_text}");
    for shown in
        ["About to send 1 dead letter again", "-    \"price\": \"-1\"", "+    \"price\": \"77\"", "Go on? [y/N]"]
    {
        assert!(screen_text.contains(shown), "{shown}: {screen_text}");
    }
    let report: Value = serde_json::from_slice(&std::fs::read(&out).expect("the report")).expect("JSON");
    let letters = report["letters"].as_array().expect("letters");
    assert_eq!((letters.len(), &letters[0]["outcome"]), (1, &json!("redriven")), "{report}");
    let mended = bad.iter().find(|event| letters[0]["event_id"] == event["event_id"]).expect("one of the two");
    let row = stack.processed(mended).await;
    assert_eq!(row["price"].as_n().map(String::as_str), Ok("77"));
    // The one that was taken out of the text is left in the queue.
    assert_eq!(stack.take_dead_letters(&stack.stages.ingestion, &symbol).await.len(), 1);
    let seen = std::fs::read_to_string(editor.with_extension("seen")).expect("the editor's text");
    assert!(seen.contains("VALIDATION: price"), "the reason is before the editor's eyes: {seen}");
}

#[tokio::test]
async fn by_the_bus_an_event_stays_the_same_and_a_stages_own_word_is_a_proof() {
    let (stack, _guard) = Stack::exclusive().await;
    let letters = Letters::new(stack, 6).await;
    let (stack, symbol) = (&letters.stack, &letters.symbol);
    let (code, report) = redrive(stack, symbol, letters.journal(), &["--limit", "3", "--via", "bus"]).await;
    assert_eq!((code, report["letters"].as_array().map(Vec::len)), (Some(0), Some(3)), "{report}");
    let (code, report) = redrive(stack, symbol, letters.journal(), &["--verify", "audit", "--follow", "0"]).await;
    assert_eq!((code, report["letters"].as_array().map(Vec::len)), (Some(0), Some(3)), "{report}");
    letters.check().await;
    let journal = Journal::read(letters.journal().as_ref());
    let verified: Vec<&str> =
        report["letters"].as_array().into_iter().flatten().filter_map(|letter| letter["message_id"].as_str()).collect();
    assert_eq!(
        journal.proven.iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
        verified.into_iter().collect()
    );
    for event in &letters.events {
        let row = stack.row(event).await.expect("it is there");
        assert_eq!(text(&row, "source"), Some("marketdata.feed.test"), "the bus gives it no other source");
    }
}

#[tokio::test]
async fn what_was_redriven_twice_and_came_back_is_left_the_third_time() {
    let (stack, _guard) = Stack::exclusive().await;
    let (_dir, journal) = journals();
    let symbol = unique("POISON");
    let event = real_events(1, &symbol);
    for round in 0..2 {
        stack.fill(&stack.stages.ingestion, &event).await;
        let (code, report) = redrive(&stack, &symbol, &journal, &["--follow", "0"]).await;
        assert_eq!((code, &report["letters"][0]["outcome"]), (Some(0), &json!("redriven")), "{round}: {report}");
    }
    stack.fill(&stack.stages.ingestion, &event).await;
    let (code, report) = redrive(&stack, &symbol, &journal, &[]).await;
    assert_eq!(code, Some(5), "{report}");
    assert_eq!(report["left"][0]["left"], json!({ "why": "came_back", "times": 2 }), "{report}");
    assert_eq!(report["letters"], json!([]));
    // Another journal knows nothing of it, and --force does not ask.
    let (code, report) = redrive(&stack, &symbol, &journal, &["--force", "--follow", "0"]).await;
    assert_eq!((code, &report["letters"][0]["outcome"]), (Some(0), &json!("redriven")), "{report}");
    assert_eq!(stack.rows_of(&symbol).await.len(), 1, "{} is stored once", id(&event[0]));
}
