//! The command line from outside: help, exit codes, errors, and the way from outputs to AWS.

use std::path::Path;

use crate::bare::{NOWHERE, OUTPUTS, assert_exit, err, opsctl, out, run, run_with_input};

#[test]
fn help_of_the_whole() {
    insta::assert_snapshot!(out(&run(&["--help"])));
}

#[test]
fn help_of_status() {
    insta::assert_snapshot!(out(&run(&["status", "--help"])));
}

#[test]
fn help_of_send_test_event() {
    insta::assert_snapshot!(out(&run(&["send-test-event", "--help"])));
}

#[test]
fn the_manual_names_every_command_and_the_exit_codes() {
    let manual = run(&["man"]);
    assert_exit(&manual, 0);
    for word in ["send\\-test\\-event", "status", "local", "demo", "completions", "Exit codes"] {
        assert!(out(&manual).contains(word), "{word}");
    }
    let dir = tempfile::tempdir().expect("a directory");
    assert_exit(&run(&["man", &dir.path().display().to_string()]), 0);
    assert!(dir.path().join("opsctl-send-test-event.1").is_file());
}

#[test]
fn completions_are_scripts() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]);
        assert_exit(&script, 0);
        assert!(out(&script).contains("send-test-event"), "{shell}");
    }
}

#[test]
fn wrong_usage_is_2() {
    for arguments in [
        &["frobnicate"][..],
        &["status", "--output", "yaml"],
        &["--local", "--endpoint-url", NOWHERE, "status"],
        &["--stack-dir", ".", "--outputs", OUTPUTS, "status"],
        &["send-test-event", "--pace", "quick"],
        &["send-test-event", "--skip-invalid"],
        &["send-test-event", "--feed", "no spaces please"],
        &["--outputs", OUTPUTS, "send-test-event", "--pace", "real"],
        &["--outputs", OUTPUTS, "send-test-event", "--price", "-1"],
        &["--outputs", OUTPUTS, "send-test-event", "--symbol", "no symbol"],
        &["--stack-dir", "/nonexistent", "status"],
        // Not in the project, and not told where it is.
        &["status"],
    ] {
        assert_exit(&run(arguments), 2);
    }
}

#[test]
fn version_and_help_are_0() {
    for arguments in [&["--version"][..], &["help"], &["send-test-event", "-h"]] {
        assert_exit(&run(arguments), 0);
    }
}

#[test]
fn outputs_that_cannot_be_used_are_1_and_say_what_to_do() {
    let cases = [
        ("{}", "has no outputs", "make deploy"),
        (r#"{"vpc_id": {"value": "vpc-1"}}"#, "has no output `opsctl`", "terraform -chdir=lib apply"),
        (r#"{"schema_version": 1}"#, "missing field", "terraform -chdir=lib output -json"),
        (r#"{"schema_version": 2}"#, "schema_version 2", "build opsctl"),
        ("Error: no state", "is not JSON", "terraform -chdir=lib output -json"),
    ];
    for (text, message, help) in cases {
        let output = run_with_input(&["--outputs", "-", "status"], text);
        assert_exit(&output, 1);
        assert!(err(&output).contains(message), "{}", err(&output));
        assert!(err(&output).contains(help), "{}", err(&output));
        assert_eq!(out(&output), "");
    }
    assert_exit(&run(&["--outputs", "/nonexistent", "status"]), 1);
}

#[test]
fn without_terraform_it_says_what_else_works() {
    let output = run(&["--stack-dir", env!("CARGO_MANIFEST_DIR"), "status"]);
    assert_exit(&output, 1);
    assert!(err(&output).contains("failed to find terraform or tofu"), "{}", err(&output));
    assert!(err(&output).contains("--outputs"), "{}", err(&output));
}

/// A directory with a `terraform` that says this and ends so.
fn fake_terraform(dir: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    let file = dir.join("terraform");
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("the script is written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("it is executable");
}

#[test]
fn terraform_is_asked_for_its_outputs_and_its_troubles_are_explained() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = format!("{}:/usr/bin:/bin", dir.path().display());
    let status = |script: &str| {
        fake_terraform(dir.path(), script);
        let mut command = opsctl(&["--stack-dir", env!("CARGO_MANIFEST_DIR"), "--endpoint-url", NOWHERE, "status"]);
        command.env("PATH", &path).output().expect("opsctl starts")
    };
    let asked = format!(r#"[ "$1" = "-chdir={}" ] && [ "$2" = output ] && cat {OUTPUTS}"#, env!("CARGO_MANIFEST_DIR"));
    let found = status(&asked);
    assert!(out(&found).starts_with("market-data-pipeline dev"), "{}{}", out(&found), err(&found));
    let untouched = status(r#"echo 'Error: Backend initialization required, please run "terraform init"' >&2; exit 1"#);
    assert_exit(&untouched, 1);
    assert!(err(&untouched).contains("init` first"), "{}", err(&untouched));
    assert_exit(&status("echo 'Error: No valid credential sources found' >&2; exit 1"), 4);
}

#[test]
fn an_aws_that_cannot_be_reached_is_4_and_the_report_is_there_all_the_same() {
    let output = run(&["--outputs", OUTPUTS, "--endpoint-url", NOWHERE, "--output", "json", "status"]);
    assert_exit(&output, 4);
    let report: serde_json::Value = serde_json::from_str(&out(&output)).expect("standard output is JSON");
    assert_eq!(report["health"], "unknown");
    assert_eq!(report["snapshot"]["stack"]["environment"], "dev");
    assert!(report["snapshot"]["alarms"]["data"].is_null());
    assert_eq!(report["snapshot"]["alarms"]["error"]["kind"], "unreachable");
}

#[test]
fn nothing_is_sent_to_a_bus_that_cannot_be_found() {
    let output =
        run(&["--outputs", OUTPUTS, "--endpoint-url", NOWHERE, "--output", "jsonl", "send-test-event", "--wait"]);
    assert_exit(&output, 4);
    let error: serde_json::Value = serde_json::from_str(&err(&output)).expect("standard error is one JSON line");
    assert_eq!(error["error"]["exit_code"], 4);
    assert!(error["error"]["message"].as_str().is_some_and(|text| text.contains("eventbridge-market-data-dev")));
    assert_eq!(out(&output), "");
}

#[test]
fn a_local_stack_that_is_not_there_is_4() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().display().to_string();
    let output = run(&["--local", "--local-dir", &path, "status"]);
    assert_exit(&output, 4);
    // The same directory: without it another stack would start.
    assert!(err(&output).contains(&format!("`opsctl --local-dir {path} local up`")), "{}", err(&output));
}

#[test]
fn bad_lines_are_2_and_named_and_nothing_is_sent() {
    let lines = "{\"event_type\":\"trade\",\"symbol\":\"X\",\"price\":\"1\",\"size\":\"1\"}\n\
                 {\"event_type\":\"trade\",\"symbol\":\"x\",\"size\":\"1\"}\n\
                 nonsense\n";
    // To send would be 4.
    let arguments = ["--outputs", OUTPUTS, "--endpoint-url", NOWHERE, "send-test-event", "--file", "-"];
    let output = run_with_input(&arguments, lines);
    assert_exit(&output, 2);
    for text in ["nothing was sent", "2 lines", "line 2: ", "price", "symbol", "line 3: is not JSON", "--skip-invalid"]
    {
        assert!(err(&output).contains(text), "{text}: {}", err(&output));
    }
    assert_exit(&run_with_input(&[&arguments[..], &["--skip-invalid"]].concat(), lines), 4);
    assert_exit(&run_with_input(&[&arguments[..], &["--skip-invalid"]].concat(), "nonsense\n"), 2);
}

#[test]
fn refusals_are_6() {
    let read_only = run(&["--read-only", "--outputs", OUTPUTS, "send-test-event"]);
    assert_exit(&read_only, 6);
    assert!(err(&read_only).contains("--read-only"), "{}", err(&read_only));
    let by_variable = opsctl(&["--outputs", OUTPUTS, "send-test-event"]).env("OPSCTL_READ_ONLY", "true").output();
    assert_exit(&by_variable.expect("opsctl starts"), 6);
    assert_exit(&run(&["--env", "prod", "--outputs", OUTPUTS, "status"]), 6);
}

#[test]
fn production_wants_a_confirmation() {
    let outputs = std::fs::read_to_string(OUTPUTS).expect("the sample is there").replace("\"dev\"", "\"prod\"");
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("prod.json").display().to_string();
    std::fs::write(&file, outputs).expect("it is written");
    let arguments = ["--outputs", file.as_str(), "--endpoint-url", NOWHERE, "send-test-event"];
    let unconfirmed = run(&arguments);
    assert_exit(&unconfirmed, 6);
    assert!(err(&unconfirmed).contains("type prod when asked, or give --yes"), "{}", err(&unconfirmed));
    // To go on is to fail to find the bus.
    assert_exit(&run(&[&["--yes"], &arguments[..]].concat()), 4);
}

#[test]
fn a_demo_that_may_change_nothing_is_refused_before_a_stack_is_brought_up() {
    let dir = tempfile::tempdir().expect("a directory");
    let local = dir.path().display().to_string();
    let demo = run(&["--read-only", "--local-dir", &local, "demo"]);
    assert_exit(&demo, 6);
    assert!(err(&demo).contains("refused to send events: --read-only is set"), "{}", err(&demo));
    assert_eq!(std::fs::read_dir(dir.path()).expect("it is there").count(), 0);
}

#[test]
fn a_journal_without_runs_is_fine_and_a_run_that_is_not_there_is_2() {
    let dir = tempfile::tempdir().expect("a directory");
    let journal = dir.path().display().to_string();
    let list = run(&["--journal-dir", &journal, "journal", "list"]);
    assert_exit(&list, 0);
    assert!(out(&list).contains("nothing was changed yet"), "{}", out(&list));
    for name in ["last", "../escape", "20261124-070512-123-4f9a1c2b"] {
        let show = run(&["--journal-dir", &journal, "journal", "show", name]);
        assert_exit(&show, 2);
        assert!(err(&show).contains("opsctl journal list"), "{}", err(&show));
    }
}

#[test]
fn a_redrive_is_careful_on_the_command_line() {
    let redrive = |arguments: &[&str]| {
        run(&[&["--outputs", OUTPUTS, "--endpoint-url", NOWHERE, "redrive", "dlq"], arguments].concat())
    };
    for wrong in [
        &["accounting"][..],
        &["--edit"],
        &["--set", "price"],
        &["--rate", "0"],
        &["--hold", "1"],
        &["--resume", "last", "--limit", "3"],
        &["--resume", "last", "--via", "bus"],
        &["--resume", "../escape"],
    ] {
        assert_exit(&redrive(wrong), 2);
    }
    let output = run(&["--outputs", OUTPUTS, "--read-only", "redrive", "dlq", "--execute"]);
    assert_exit(&output, 6);
    assert!(err(&output).contains("refused to send dead letters again"), "{}", err(&output));
    // Without --execute it only looks.
    assert_exit(&run(&["--outputs", OUTPUTS, "--endpoint-url", NOWHERE, "--read-only", "redrive", "dlq"]), 4);
}

#[test]
fn help_of_redrive_dlq() {
    insta::assert_snapshot!(out(&run(&["redrive", "dlq", "--help"])));
}

const RULES: &str = r#"{"version":1,"rules":[{"id":"above","severity":"info","symbols":["BTC*"],
    "condition":{"kind":"price_above","threshold":39500}}]}"#;

#[test]
fn rules_are_checked_with_the_line_of_every_fault() {
    let good = run_with_input(&["rules", "check", "-"], RULES);
    assert_exit(&good, 0);
    assert_eq!(out(&good), "standard input can be used: 1 rule, 1 enabled\n");
    let bad = run_with_input(&["rules", "check", "-"], &RULES.replace("info", "loud").replace("39500", "-1"));
    assert_exit(&bad, 1);
    assert!(out(&bad).contains("standard input:1:37: rules[0].severity: "), "{}", out(&bad));
    assert!(out(&bad).contains("standard input:2:39: rules[0].condition.threshold: "), "{}", out(&bad));
    assert_exit(&run(&["rules", "check", "/nonexistent/rules.json"]), 1);
}

#[test]
fn rules_are_tried_on_the_recorded_market_without_a_stack() {
    let tried = run_with_input(&["rules", "test", "-"], RULES);
    assert_exit(&tried, 0);
    insta::assert_snapshot!(out(&tried));
    assert_exit(&run_with_input(&["rules", "test", "-"], "{}"), 1);
    assert_exit(&run_with_input(&["rules", "test", "-", "--events", "-"], RULES), 2);
}

#[test]
fn rules_that_cannot_be_used_are_not_set_and_need_no_stack_to_say_so() {
    let set = run_with_input(&["--outputs", OUTPUTS, "--endpoint-url", NOWHERE, "rules", "set", "-"], "{}");
    assert_exit(&set, 1);
    assert!(err(&set).contains("standard input:1:1: version: is missing"), "{}", err(&set));
    let read_only = ["--read-only", "--outputs", OUTPUTS, "--endpoint-url", NOWHERE, "rules", "set", "-"];
    assert_exit(&run_with_input(&read_only, RULES), 6);
    assert_exit(&run(&["rules", "set"]), 2);
}
