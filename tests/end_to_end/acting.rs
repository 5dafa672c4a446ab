//! Acting from the dashboard: a person's keys in a real terminal, a real queue behind it.

use std::path::Path;
use std::time::Duration;

use end_to_end::Stack;
use end_to_end::proxy::Proxy;
use end_to_end::stack::{opsctl_path, typed};
use opsctl_harness::Terminal;
use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::redrive::{Journal, Letters};

const SIZE: (u16, u16) = (120, 40);

/// What other tests have left there would be seen and counted too.
async fn empty(stack: &Stack) {
    for stage in ["ingestion", "processing", "notification"] {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("purged.jsonl");
        let purge = ["--yes", "dlq", "purge", stage, "--to", file.to_str().expect("UTF-8")];
        let (code, out, err) = stack.opsctl(&purge).await.expect("opsctl runs");
        assert_eq!(code, Some(0), "{err}\n{out}");
    }
}

/// A dashboard in a terminal, once the letters are on the page of ingestion's queue and all that are shown are marked.
fn marked(arguments: &[String], letters: usize, symbol: &str, dir: &Path) -> Terminal {
    let home = dir.to_str().expect("UTF-8");
    let environment = [("HOME", home), ("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let terminal = Terminal::start(opsctl_path(), arguments, &environment, dir, SIZE);
    terminal.wait_for_text(&format!("3 Dead letters: {letters}"));
    terminal.press("3\r");
    // Their ids begin with it; a part of it would be on other tests' events too.
    terminal.wait_for("the queue's page", |screen| {
        screen.contains("Dead letters of ingestion") && screen.contains(&format!(" {symbol}-"))
    });
    terminal.press("a");
    terminal.wait_for_text(" marked");
    terminal
}

#[tokio::test]
async fn letters_that_are_marked_on_the_screen_are_redriven_and_gone() {
    let (stack, _guard) = Stack::exclusive().await;
    empty(&stack).await;
    let letters = Letters::new(stack, 6).await;
    let local = ["--local", "--local-dir", letters.stack.local_dir.to_str().expect("UTF-8")];
    let local = local.into_iter().chain(["--journal-dir", letters.journal(), "dashboard"]);
    let arguments: Vec<String> = local.map(str::to_owned).collect();
    let symbol = letters.symbol.clone();
    spawn_blocking(move || {
        let dir = tempfile::tempdir().expect("a directory");
        let mut terminal = marked(&arguments, 6, &symbol, dir.path());
        terminal.wait_for_text("6 marked");
        terminal.press("r");
        let preview = terminal.wait_for_text("Go on? [y/N]");
        assert!(preview.contains("About to send 6 dead letters again"), "{preview}");
        // The default is no.
        terminal.press("\r");
        terminal.wait_for("the preview gone", |screen| !screen.contains("Go on?"));
        terminal.press("r");
        terminal.wait_for_text("Go on? [y/N]");
        terminal.press("y\r");
        terminal.wait_for_text("6 of 6 letters redriven");
        terminal.press("qqq");
        let status = terminal.wait_for_end();
        assert!(status.success(), "{status}: {terminal:?}");
    })
    .await
    .expect("the screen acts");
    letters.check().await;
    assert_eq!(Journal::read(Path::new(letters.journal())).outcomes, ["done"], "what was refused has no journal");
}

#[tokio::test]
async fn a_redrive_that_is_stopped_on_the_screen_goes_on_with_the_command_that_it_shows() {
    const LETTERS: usize = 60;
    let (stack, _guard) = Stack::exclusive().await;
    empty(&stack).await;
    let letters = Letters::new(stack, LETTERS).await;
    // As far away as AWS is, or it would be over before anybody can press a key.
    let proxy = Proxy::start(&letters.stack.endpoint, Duration::from_millis(250), |_| None).await;
    let outputs = letters.stack.local_dir.join("outputs.json");
    let url = proxy.url();
    let options = ["--outputs", outputs.to_str().expect("UTF-8"), "--endpoint-url", &url];
    let options = options.into_iter().chain(["--journal-dir", letters.journal(), "dashboard", "--allow-writes"]);
    let arguments: Vec<String> = options.map(str::to_owned).collect();
    let symbol = letters.symbol.clone();
    let report = spawn_blocking(move || {
        let dir = tempfile::tempdir().expect("a directory");
        let mut terminal = marked(&arguments, LETTERS, &symbol, dir.path());
        // All of the queue, whatever is marked.
        terminal.press("A");
        let preview = terminal.wait_for_text("Go on? [y/N]");
        assert!(preview.contains(&format!("About to send {LETTERS} dead letters again")), "{preview}");
        terminal.press("y\r");
        let of = format!(" of {LETTERS}  ");
        terminal.wait_for("a part done", |screen| screen.contains(&of) && !screen.contains(&format!(" 0{of}")));
        terminal.press("x");
        terminal.wait_for_text("to go on: ");
        terminal.press("e");
        terminal.wait_for_text("opsctl-page-");
        terminal.press("qqq");
        let status = terminal.wait_for_end();
        assert!(status.success(), "{status}: {terminal:?}");
        let file = std::fs::read_dir(dir.path()).expect("the directory").filter_map(Result::ok);
        let file = file.map(|file| file.path()).find(|file| file.extension().is_some_and(|end| end == "json"));
        let text = std::fs::read_to_string(file.expect("what was exported")).expect("the report");
        serde_json::from_str::<Value>(&text).expect("JSON")
    })
    .await
    .expect("the screen acts");
    let report = &report["data"]["about"];
    assert_eq!(report["stopped"], true, "{report}");
    let outcomes = report["letters"].as_array().expect("letters");
    let ended = |name: &str| outcomes.iter().filter(|letter| letter["outcome"] == name).count();
    assert!(ended("redriven") > 0 && ended("stopped") > 0, "{report}");
    assert_eq!(ended("redriven") + ended("stopped"), LETTERS, "{report}");

    // As it would be typed, but that nobody is there to be asked.
    let resume = report["resume"].as_str().expect("a command");
    let mut shell = typed(resume, "--yes --follow 0");
    shell.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    let output = shell.output().await.expect("a shell");
    assert_eq!(output.status.code(), Some(0), "{resume}: {}", String::from_utf8_lossy(&output.stderr));
    letters.check().await;
    assert_eq!(Journal::read(Path::new(letters.journal())).outcomes, ["stopped", "done"]);
}
