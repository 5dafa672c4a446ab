//! The commands on dead letters from outside: usage, refusals, and what they do when there is no AWS.

use crate::bare::{self, NOWHERE, OUTPUTS, err, run};

/// opsctl on the sample stack must end with this exit code; what it says on standard error.
#[track_caller]
fn assert_exit(arguments: &[&str], code: i32) -> String {
    let output = run(&[&["--outputs", OUTPUTS, "--endpoint-url", NOWHERE], arguments].concat());
    bare::assert_exit(&output, code);
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
