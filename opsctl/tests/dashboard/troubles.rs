//! Whatever AWS does, keys are answered, what is known stays, and the screen says what is wrong and what to do.
//!
//! None of these asserts how long something takes: a dashboard that waited for AWS would never answer a key here, because
//! the calls hang until the test lets them go.

use opsctl_harness::{FakeAws, Service, Terminal, Trouble};

use crate::support::{EVENT, Start, dashboard, healthy_dashboard};

/// Presses keys of every kind and sees each answered.
#[track_caller]
fn assert_answers_keys(terminal: &Terminal) {
    terminal.press("?");
    terminal.wait_for_text("Help: keys and commands");
    terminal.press("q");
    terminal.wait_for("the help is closed", |screen| !screen.contains("Help: keys"));
    for (keys, wanted) in [
        ("2", "▶ 2 Alarms"),
        ("\t", "▶ 3 Dead letters"),
        (":go ev", ":go ev"),
        ("\r", "▶ 5 Events"),
        ("/symbol:BTC*\r", "symbol:btc*"),
        ("4", "▶ 4 Latencies"),
        ("1\r", "Stage ingestion"),
        ("q", "▶ 1 Pipeline"),
        ("0", "1 Pipeline"),
    ] {
        terminal.press(keys);
        terminal.wait_for_text(wanted);
    }
}

#[track_caller]
fn assert_quits(mut terminal: Terminal) {
    terminal.press("q");
    let status = terminal.wait_for_end();
    assert_eq!(status.code(), Some(0), "{}", terminal.text());
}

#[test]
fn keys_are_answered_while_nothing_has_come_yet() {
    let aws = FakeAws::start();
    aws.trouble_everywhere(Trouble::Hangs);
    let terminal = dashboard(&aws);
    let screen = terminal.wait_for_text("LOADING");
    assert!(screen.contains("0 of 6 sources read"), "{screen}");
    for word in ["UNKNOWN", "HEALTHY"] {
        assert!(!screen.contains(word), "{screen}");
    }
    assert_answers_keys(&terminal);
    // A page whose call hangs too.
    terminal.press(":event e1\r");
    terminal.wait_for("the page", |screen| screen.contains("Event e1") && screen.contains("reading…"));
    terminal.press("q");
    terminal.wait_for("the panels", |screen| screen.contains("1 Pipeline"));
    assert_quits(terminal);
}

#[test]
fn what_has_come_is_shown_while_the_rest_hangs() {
    let aws = FakeAws::start();
    aws.trouble(Service::XRay, Trouble::Hangs);
    let terminal = dashboard(&aws);
    let screen = terminal.wait_for("the verdict", |screen| screen.contains("HEALTHY") && screen.contains(EVENT));
    let latencies = screen.lines().find(|line| line.contains("4 Latencies")).expect("the panel");
    assert!(latencies.contains("reading…"), "{screen}");
    assert_answers_keys(&terminal);
    assert_quits(terminal);
}

#[test]
fn known_data_stay_with_their_age_while_every_call_hangs() {
    let aws = FakeAws::start();
    let terminal = healthy_dashboard(&aws);
    aws.trouble_everywhere(Trouble::Hangs);
    let screen = terminal.wait_for_text("LATE");
    assert!(screen.contains("2 Alarms: 36 ok"), "{screen}");
    assert_answers_keys(&terminal);
    // The calls are given up in the end, and it is said; then AWS is back, and so is the dashboard.
    terminal.wait_for("unreachable", |screen| screen.contains("UNKNOWN") && screen.contains("unreachable"));
    aws.mend();
    terminal.press("R");
    terminal.wait_for("all is well", |screen| screen.contains("HEALTHY") && !screen.contains("unreachable"));
    assert_quits(terminal);
}

#[test]
fn one_service_that_is_denied_takes_nothing_else_with_it() {
    let aws = FakeAws::start();
    aws.trouble(Service::XRay, Trouble::DENIES);
    let terminal = dashboard(&aws);
    let screen = terminal.wait_for("the rest", |screen| {
        let verdict = screen.lines().nth(1).unwrap_or_default();
        verdict.contains("WORKS, WITH WARNINGS") && screen.contains("denied") && screen.contains(EVENT)
    });
    assert!(screen.contains("latencies unknown: failed to read X-Ray's service graph"), "{screen}");
    assert!(screen.contains("ask for the permission"), "{screen}");
    assert!(screen.contains("none waiting"), "queues are read: {screen}");
    assert_answers_keys(&terminal);
    assert_quits(terminal);
}

#[test]
fn credentials_that_expire_are_told_as_such_and_it_goes_on_by_itself() {
    let aws = FakeAws::start();
    let terminal = healthy_dashboard(&aws);
    aws.trouble_everywhere(Trouble::EXPIRED);
    terminal.press("R");
    let screen = terminal.wait_for("signed out", |screen| screen.matches("signed out").count() >= 5);
    assert!(screen.contains("sign in again"), "{screen}");
    assert!(screen.contains(EVENT), "what was known stays: {screen}");
    assert_answers_keys(&terminal);
    aws.mend();
    terminal.press("R");
    terminal.wait_for("all is well", |screen| screen.contains("HEALTHY") && !screen.contains("signed out"));
    assert_quits(terminal);
}

#[test]
fn throttling_is_said_with_when_it_is_tried_again() {
    let aws = FakeAws::start();
    let terminal = healthy_dashboard(&aws);
    aws.trouble(Service::CloudWatch, Trouble::THROTTLES);
    terminal.press("R");
    let screen = terminal.wait_for("throttled", |screen| {
        screen.lines().any(|line| line.contains("2 Alarms") && line.contains("throttled, again in"))
    });
    assert!(screen.contains("2 Alarms: 36 ok"), "what was known stays: {screen}");
    assert_answers_keys(&terminal);
    assert_quits(terminal);
}

#[test]
fn a_network_that_drops_and_comes_back() {
    let aws = FakeAws::start();
    let terminal = healthy_dashboard(&aws);
    aws.trouble_everywhere(Trouble::Drops);
    terminal.press("R");
    let screen = terminal.wait_for("unreachable", |screen| screen.matches("unreachable").count() >= 5);
    assert!(screen.contains("check the network"), "{screen}");
    assert_answers_keys(&terminal);
    aws.mend();
    terminal.press("R");
    terminal.wait_for("all is well", |screen| screen.contains("HEALTHY") && !screen.contains("unreachable"));
    assert_quits(terminal);
}

#[test]
fn a_resource_that_is_deleted_under_it() {
    let aws = FakeAws::start();
    let terminal = healthy_dashboard(&aws);
    aws.trouble(Service::Sqs, Trouble::GONE);
    aws.change(|world| {
        world.missing.insert("alarm-ingestion-errors-dev".to_owned());
    });
    terminal.press("R");
    let screen = terminal.wait_for("both", |screen| screen.contains("not found") && screen.contains("1 missing"));
    assert!(screen.contains("alarm-ingestion-errors-dev does not exist"), "{screen}");
    terminal.press("0z");
    let screen = terminal.wait_for_text("dead letters unknown");
    assert!(screen.contains("the outputs do not match what is deployed"), "{screen}");
    terminal.press("z");
    assert_answers_keys(&terminal);
    assert_quits(terminal);
}

#[test]
fn a_clock_that_is_off() {
    let aws = FakeAws::start();
    aws.trouble_everywhere(Trouble::CLOCK_OFF);
    let terminal = dashboard(&aws);
    let said = |screen: &str| screen.matches("clock off").count() >= 5 && screen.contains("UNKNOWN");
    let screen = terminal.wait_for("the clock", said);
    assert!(screen.contains("nothing can be read"), "{screen}");
    assert!(screen.contains("set this machine's clock"), "{screen}");
    assert_answers_keys(&terminal);
    assert_quits(terminal);
}

#[test]
fn ten_thousand_events_in_view() {
    let aws = FakeAws::start();
    aws.change(|world| world.feed = 500.0);
    let terminal = Start { arguments: &["--events", "1000"], size: (200, 60), ..Start::default() }.dashboard(&aws);
    terminal.wait_for_text("HEALTHY");
    terminal.press("5z/symbol:BTC*\r");
    terminal.wait_for_text("of 10000");
    terminal.press(" ");
    terminal.wait_for_text("HELD");
    terminal.press("G");
    let last = terminal.wait_for("the last of them", |screen| screen.contains("HELD") && !screen.contains('▼'));
    terminal.press("g");
    terminal.wait_for("the first of them", |screen| screen.contains('▼') && *screen != *last);
    terminal.press("  /\x15\rz");
    assert_answers_keys(&terminal);
    assert_quits(terminal);
}

#[test]
fn alarms_that_ring_and_a_stage_that_fails_make_the_verdict() {
    let aws = FakeAws::start();
    let terminal = healthy_dashboard(&aws);
    aws.change(|world| {
        let why = "Threshold Crossed: 1 out of the last 1 datapoints [37.0] was greater than the threshold (0.0)";
        world.ringing.insert("alarm-processing-errors-dev".to_owned(), why.to_owned());
        world.stage("processing").metrics.insert("Errors", 37.0);
    });
    terminal.press("R");
    let screen = terminal.wait_for("the verdict", |screen| screen.contains("UNHEALTHY") && screen.contains("failed"));
    assert!(screen.contains("processing failed"), "{screen}");
    terminal.press("w");
    terminal.wait_for_text("▶ 1 Pipeline");
    assert_quits(terminal);
}
