//! Ctrl-C in a real process, and who may read what it leaves behind.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use end_to_end::Stack;
use end_to_end::events::id;
use end_to_end::proxy::Proxy;
use end_to_end::stack::{opsctl_command, typed};
use end_to_end::wait::{PATIENCE, until};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::redrive::{Journal, Letters, opsctl_behind};

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("opsctl starts")
}

/// Waits until the only journal in `dir` has a record of this kind, presses Ctrl-C, and waits for the end.
async fn interrupt(child: Child, dir: &Path, kind: &str) -> (Option<i32>, Value) {
    let record = format!(r#""record":"{kind}""#);
    until(&format!("the journal has {record}"), PATIENCE, || async {
        let files = std::fs::read_dir(dir).map_err(|error| error.to_string())?;
        let texts = files.filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok());
        texts.into_iter().any(|text| text.contains(&record)).then_some(()).ok_or("not yet".to_owned())
    })
    .await;
    let process = child.id().expect("it runs").to_string();
    let kill = Command::new("kill").args(["-INT", &process]).status().await.expect("kill runs");
    assert!(kill.success());
    let output = child.wait_with_output().await.expect("it ends");
    let report = serde_json::from_slice(&output.stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), report)
}

fn assert_private(dir: &Path) {
    for file in std::fs::read_dir(dir).expect("the directory") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("its metadata").permissions().mode() & 0o777;
        let wanted = if file.path().is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, wanted, "{}", file.path().display());
        if file.path().is_dir() {
            assert_private(&file.path());
        }
    }
}

#[tokio::test]
async fn ctrl_c_ends_a_redrive_between_two_letters_and_it_can_be_resumed() {
    let (stack, _guard) = Stack::exclusive().await;
    let letters = Letters::new(stack, 40).await;
    let journals = Path::new(letters.journal());
    let mut command = opsctl_command(&letters.stack.local_dir);
    command.arg("--local").args(letters.arguments()).args(["--follow", "0", "--rate", "10"]);
    let (code, report) = interrupt(start(&mut command), journals, "deleted").await;
    assert_eq!((code, &report["stopped"]), (Some(5), &Value::from(true)), "{report}");

    // Every letter has one of two ends: delivered and deleted, or untouched and at once to be seen by everybody.
    let outcome = |name: &str| -> BTreeSet<String> {
        let all = report["letters"].as_array().into_iter().flatten();
        all.filter(|letter| letter["outcome"] == name).map(|letter| letter["event_id"].to_string()).collect()
    };
    let (redriven, stopped) = (outcome("redriven"), outcome("stopped"));
    assert!(!redriven.is_empty() && !stopped.is_empty(), "{report}");
    assert_eq!(redriven.len() + stopped.len(), letters.events.len(), "{report}");
    let peek = ["-o", "json", "dlq", "peek", "ingestion", "--all", "--symbol", &letters.symbol, "--limit", "100"];
    let (_, out, err) = letters.stack.opsctl(&peek).await.expect("opsctl runs");
    let peek: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {err}"));
    let there: BTreeSet<String> =
        peek["letters"].as_array().into_iter().flatten().map(|letter| letter["event_id"].to_string()).collect();
    assert_eq!(there, stopped);
    assert_private(journals);

    // The command that it gives, as it would be typed, but that nobody is there to be asked.
    let resume = report["resume"].as_str().expect("a command");
    let output = typed(resume, "--yes --follow 0").output().await.expect("a shell");
    assert_eq!(output.status.code(), Some(0), "{resume}: {}", String::from_utf8_lossy(&output.stderr));
    letters.check().await;
    assert_eq!(Journal::read(journals).outcomes, ["stopped", "done"]);
}

#[tokio::test]
async fn ctrl_c_ends_a_purge_and_each_letter_is_in_the_queue_or_in_the_file() {
    let (stack, _guard) = Stack::exclusive().await;
    let letters = Letters::new(stack, 60).await;
    let journals = Path::new(letters.journal());
    let stack = &letters.stack;
    let all: BTreeSet<String> = letters.events.iter().map(|event| id(event).to_owned()).collect();
    let purge = |command: &mut Command, file: &Path| {
        command.args(["--journal-dir", letters.journal(), "-o", "json", "--yes", "dlq", "purge", "ingestion"]);
        command.args(["--symbol", &letters.symbol, "--to"]).arg(file);
    };
    let in_file = |file: &Path| -> BTreeSet<String> {
        let text = std::fs::read_to_string(file).expect("the file");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("whole lines"));
        lines.filter_map(|letter| letter["event_id"].as_str().map(str::to_owned)).collect()
    };
    let in_queue = async || -> BTreeSet<String> {
        let export = ["dlq", "export", "ingestion", "--symbol", &letters.symbol];
        let (_, out, _) = stack.opsctl(&export).await.expect("opsctl runs");
        let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).expect("whole lines"));
        lines.filter_map(|letter| letter["event_id"].as_str().map(str::to_owned)).collect()
    };

    // As far away as AWS is, or it would be over before anybody can press a key.
    let proxy = Proxy::start(&stack.endpoint, Duration::from_millis(250), |_| None).await;
    let first = journals.join("first.jsonl");
    let mut command = opsctl_behind(&proxy, stack);
    purge(&mut command, &first);
    let (code, report) = interrupt(start(&mut command), journals, "exported").await;
    assert_eq!((code, &report["stopped"]), (Some(5), &Value::from(true)), "{report}");
    let (exported, queued) = (in_file(&first), in_queue().await);
    assert_eq!(report["deleted"], exported.len(), "{report}");
    assert!(exported.is_disjoint(&queued), "what is deleted is gone");
    assert_eq!(exported.union(&queued).cloned().collect::<BTreeSet<_>>(), all, "each is in the queue or in the file");
    assert!(!exported.is_empty() && !queued.is_empty(), "{report}");
    assert_private(journals);

    let second = journals.join("second.jsonl");
    let mut command = opsctl_command(&stack.local_dir);
    purge(command.arg("--local"), &second);
    let output = command.output().await.expect("opsctl runs");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((in_file(&second), in_queue().await), (queued, BTreeSet::new()));
    assert!(stack.rows_of(&letters.symbol).await.is_empty(), "a purge sends nothing");
}
