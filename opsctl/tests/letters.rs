//! The commands on dead letters from outside: usage, refusals, and what they do when there is no AWS.
#![expect(clippy::expect_used, reason = "a test that cannot go on should stop there and say where")]

use std::process::{Command, Output, Stdio};

/// An address at which nobody listens: port 1 of this machine.
const NOWHERE: &str = "http://127.0.0.1:1";
const OUTPUTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outputs/dev.json");

/// opsctl on the sample stack, with nobody at the terminal.
fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_opsctl"))
        .args(["--outputs", OUTPUTS, "--endpoint-url", NOWHERE])
        .args(arguments)
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .output()
        .expect("opsctl starts")
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn assert_exit(arguments: &[&str], code: i32) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", err(&output));
    err(&output)
}

#[test]
fn wrong_usage_is_2() {
    for arguments in [
        &["dlq"][..],
        &["dlq", "peek"],
        &["dlq", "peek", "accounting"],
        &["dlq", "export"],
        &["dlq", "purge"],
        &["dlq", "peek", "ingestion", "--older-than", "soon"],
        &["dlq", "peek", "ingestion", "--limit", "0"],
        &["dlq", "export", "ingestion", "--to", OUTPUTS],
    ] {
        assert_exit(arguments, 2);
    }
}

#[test]
fn an_existing_file_is_not_overwritten_and_that_is_said_before_anything_is_read() {
    let said = assert_exit(&["dlq", "export", "ingestion", "--to", OUTPUTS], 2);
    assert!(said.contains("refused to overwrite"), "{said}");
}

#[test]
fn an_aws_that_cannot_be_reached_is_4_and_no_file_is_left() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("letters.jsonl").display().to_string();
    for arguments in [
        &["dlq", "list"][..],
        &["dlq", "list", "--all"],
        &["dlq", "peek", "ingestion"],
        &["dlq", "export", "ingestion", "--to", &file],
        &["--yes", "dlq", "purge", "ingestion"],
    ] {
        let said = assert_exit(arguments, 4);
        assert!(said.contains("sqs-ingestion-dlq-dev"), "{said}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).expect("it is there").count(), 0);
}

#[test]
fn a_purge_of_a_read_only_stack_is_6_before_anything_is_read() {
    let said = assert_exit(&["--read-only", "--yes", "dlq", "purge", "ingestion"], 6);
    assert!(said.contains("--read-only"), "{said}");
}
