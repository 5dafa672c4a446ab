use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::change::Change;
use crate::error::ExitStatus;
use crate::stack::samples;

fn header() -> Header {
    Header::new("redrive dlq", Change::Redrive, &samples::stack(), json!({"stages": ["ingestion"]}))
}

fn record(number: u64) -> Value {
    json!({"record": "saved", "number": number})
}

fn append_text(path: &Path, text: &str) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_run_is_read_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let header = header();
    let journal = Journal::create(dir.path(), &header).unwrap();
    journal.write_all(&[record(1), record(2)]).unwrap();
    assert_eq!(list(dir.path()).unwrap()[0].state, State::Running);
    journal.finish(Outcome::Partly, "1 of 2 sent").unwrap();
    drop(journal);
    let recording = open(dir.path(), &header.run).unwrap();
    assert_eq!(recording.entry.header, header);
    assert_eq!(recording.entry.state, State::Ended(Outcome::Partly));
    assert_eq!(recording.entry.finish.unwrap().summary, "1 of 2 sent");
    assert_eq!(recording.records, [record(1), record(2)]);
    assert!(!recording.torn);
}

#[test]
fn only_its_owner_can_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("deep/journal");
    let journal = Journal::create(&dir, &header()).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(journal.path())), (0o700, 0o600));
}

#[test]
fn half_a_line_at_the_end_is_left_out_and_cut_off_before_more_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let header = header();
    let journal = Journal::create(dir.path(), &header).unwrap();
    journal.write(&record(1)).unwrap();
    let path = journal.path().to_owned();
    drop(journal);
    append_text(&path, r#"{"record":"sav"#);
    let torn = open(dir.path(), &header.run).unwrap();
    assert_eq!((torn.torn, torn.entry.state, torn.records.len()), (true, State::Interrupted, 1));

    let journal = Journal::append(dir.path(), &header.run).unwrap();
    journal.write(&record(2)).unwrap();
    drop(journal);
    let mended = open(dir.path(), &header.run).unwrap();
    assert!(!mended.torn);
    let kinds: Vec<_> = mended.records.iter().map(|record| record["record"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["saved", "resumed", "saved"]);
}

#[test]
fn every_torn_length_of_the_last_line_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let header = header();
    let journal = Journal::create(dir.path(), &header).unwrap();
    journal.write(&record(1)).unwrap();
    let whole = fs::metadata(journal.path()).unwrap().len();
    journal.write(&record(2)).unwrap();
    let length = fs::metadata(journal.path()).unwrap().len();
    let path = journal.path().to_owned();
    drop(journal);
    for cut in (whole..length).rev() {
        OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
        let recording = open(dir.path(), &header.run).unwrap();
        assert_eq!((recording.records, recording.torn), (vec![record(1)], cut > whole), "cut at {cut}");
    }
}

#[test]
fn damage_in_the_midst_is_told_from_a_torn_end() {
    let dir = tempfile::tempdir().unwrap();
    let header = header();
    let journal = Journal::create(dir.path(), &header).unwrap();
    append_text(journal.path(), "{half a li\n{\"record\":\"saved\"}\n");
    let error = open(dir.path(), &header.run).unwrap_err();
    assert!(error.to_string().ends_with("line 2 is damaged"), "{error}");
}

#[test]
fn a_run_has_one_writer() {
    let dir = tempfile::tempdir().unwrap();
    let header = header();
    let _journal = Journal::create(dir.path(), &header).unwrap();
    let error = Journal::append(dir.path(), &header.run).unwrap_err();
    assert_eq!(error.exit_status(), ExitStatus::Refused);
}

#[test]
fn the_latest_run_is_the_first_of_the_list_and_is_called_last() {
    let dir = tempfile::tempdir().unwrap();
    assert!(list(&dir.path().join("none")).unwrap().is_empty());
    assert_eq!(find(dir.path(), "last", |_| true).unwrap_err().exit_status(), ExitStatus::Usage);
    let at = |millisecond| RunId::new(Timestamp::from_millisecond(millisecond).unwrap());
    let runs = [at(1_795_348_800_000), at(1_795_348_800_001), at(1_795_435_200_000)];
    for run in &runs {
        Journal::create(dir.path(), &Header { run: run.clone(), ..header() }).unwrap();
    }
    fs::write(dir.path().join("notes.txt"), "not a journal").unwrap();
    let listed: Vec<RunId> = list(dir.path()).unwrap().into_iter().map(|entry| entry.header.run).collect();
    assert!(listed.iter().eq(runs.iter().rev()), "{listed:?}");
    assert_eq!(find(dir.path(), "last", |_| true).unwrap(), runs[2]);
    assert_eq!(find(dir.path(), runs[0].as_str(), |_| true).unwrap(), runs[0]);
}

#[test]
fn a_runs_name_cannot_leave_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["../../etc/passwd", "", "20261124-070512-123-4f9a1c2b/..", "20261124-070512-123-4F9A1C2B"] {
        assert_eq!(find(dir.path(), name, |_| true).unwrap_err().exit_status(), ExitStatus::Usage, "{name}");
    }
    assert!("20261124-070512-123-4f9a1c2b".parse::<RunId>().is_ok());
}

#[test]
fn the_last_run_is_the_last_of_those_that_are_meant() {
    let dir = tempfile::tempdir().unwrap();
    let redrive = header();
    let mut pause = header();
    pause.change = Change::Pause;
    for header in [&redrive, &pause] {
        Journal::create(dir.path(), header).unwrap();
    }
    // Names sort by time to the millisecond, and then by chance.
    let latest = [&redrive.run, &pause.run].into_iter().max().unwrap();
    assert_eq!(find(dir.path(), "last", |_| true).unwrap(), *latest);
    assert_eq!(find(dir.path(), "last", |header| header.change == Change::Redrive).unwrap(), redrive.run);
    assert!(find(dir.path(), "last", |header| header.change == Change::Purge).is_err());
}
