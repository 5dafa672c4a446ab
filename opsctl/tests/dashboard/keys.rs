//! What keys take along: to the clipboard, to a file, to AWS's console.

use jiff::Timestamp;
use opsctl_harness::FakeAws;
use opsctl_harness::aws::Letter;

use crate::support::{Start, healthy_dashboard};

#[test]
fn what_is_selected_is_copied_through_the_terminal() {
    let terminal = healthy_dashboard(&FakeAws::start());
    terminal.press("1y");
    terminal.wait_for_text("copied");
    // lambda-ingestion-dev
    assert_eq!(terminal.clipboard().as_deref(), Some("bGFtYmRhLWluZ2VzdGlvbi1kZXY="));
}

#[test]
fn the_panel_is_written_to_a_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let aws = FakeAws::start();
    let terminal = Start { dir: dir.path(), ..Start::default() }.dashboard(&aws);
    terminal.wait_for_text("HEALTHY");
    terminal.press("2e");
    terminal.wait_for_text("written to ");
    let file = std::fs::read_dir(dir.path()).expect("the directory").next().expect("a file").expect("its name").path();
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(file).expect("it is there")).expect("JSON");
    assert_eq!(written["panel"], "alarms");
    assert_eq!(written["data"]["data"][0]["state"], "ok");
}

#[test]
fn the_console_does_not_show_what_is_elsewhere() {
    let terminal = healthy_dashboard(&FakeAws::start());
    terminal.press("2o");
    terminal.wait_for_text("AWS's console does not show what is at http://127.0.0.1");
}

#[test]
fn it_reads_faster_and_slower() {
    let terminal = healthy_dashboard(&FakeAws::start());
    terminal.press("+");
    terminal.wait_for_text("2 times as often as planned");
    terminal.press("--");
    terminal.wait_for_text("only every 2 times as long");
    terminal.press("+");
    terminal.wait_for_text("as often as planned");
}

#[test]
fn the_past_is_shown_as_such_and_left_again() {
    let terminal = healthy_dashboard(&FakeAws::start());
    terminal.press("[");
    let screen = terminal.wait_for_text("PAST: ");
    assert!(!screen.contains("LIVE"), "{screen}");
    terminal.press("[");
    terminal.wait_for("two minutes", |screen| screen.contains("PAST: ") && screen.contains(" 2 m "));
    terminal.press("L");
    terminal.wait_for_text("LIVE");
}

#[test]
fn events_are_held_and_filtered() {
    let aws = FakeAws::start();
    let terminal = healthy_dashboard(&aws);
    terminal.press("5 ");
    terminal.wait_for_text("HELD");
    terminal.press(" ");
    terminal.wait_for("held no more", |screen| !screen.contains("HELD"));
    terminal.press("/type:quote\r");
    terminal.wait_for("quotes only", |screen| screen.contains("type:quote: 17 of 50") && !screen.contains("trade "));
}

#[test]
fn a_letter_is_looked_into() {
    let aws = FakeAws::start();
    aws.change(|world| {
        let letter = |number: u8| Letter {
            id: format!("letter-{number}"),
            why: "failed to read table dynamodb-events-dev: denied".to_owned(),
            at: Timestamp::now(),
        };
        world.stage("processing").letters = (0..3).map(letter).collect();
    });
    let terminal = Start::default().dashboard(&aws);
    terminal.wait_for_text("3 Dead letters: 3");
    terminal.press("3\r");
    terminal.wait_for("the letters", |screen| screen.contains("letter-0") && screen.contains("letter-2"));
    terminal.press("j\r");
    terminal.wait_for("one of them", |screen| screen.contains("Dead letter letter-1") && screen.contains("Body"));
}
