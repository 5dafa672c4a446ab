//! From letters to a plan, from a plan to the journal, and back.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::machine::{Accepted, Known, Record};
use super::record::Written;
use super::*;
use crate::aws::dead_letters::DeadLetter;
use crate::aws::dead_letters::samples::message;
use crate::change::Change;
use crate::error::ExitStatus;
use crate::journal::{self, Header, Journal};
use crate::letters::Selectors;
use crate::stack::{StageName, samples};

const LAMBDA: &[(&str, &str)] = &[("RequestID", "r"), ("ErrorCode", "200"), ("ErrorMessage", "timed out")];
const REJECTED: &[(&str, &str)] = &[("Stage", "ingestion"), ("ErrorCode", "VALIDATION"), ("ErrorMessage", "price")];

fn body(id: &str) -> String {
    format!(
        r#"{{"id":"bus-{id}","detail-type":"MarketData.Raw","source":"marketdata.feed.x","time":"2026-11-22T12:00:00Z",
        "detail":{{"event_id":"{id}","event_type":"trade","symbol":"BTCUSDT","price":"1","size":"1"}}}}"#
    )
}

fn letter(id: &str, body: &str, attributes: &[(&str, &str)]) -> (StageName, DeadLetter) {
    let letter = DeadLetter::from_message(StageName::Ingestion, &message(&format!("m-{id}"), body, attributes));
    (StageName::Ingestion, letter)
}

fn plan(letters: &[(StageName, DeadLetter)], limit: Option<u32>, wishes: Wishes, history: &History) -> Plan {
    let selection = Selection::new(letters.to_vec(), &Selectors::default(), Timestamp::now());
    Plan::new(selection, limit, (wishes, &Options::default()), history, &Mended::new())
}

fn ids(plan: &Plan) -> Vec<&str> {
    plan.letters.iter().map(|letter| letter.event_id.as_str()).collect()
}

#[test]
fn what_was_rejected_or_is_no_event_is_left_and_does_not_count_to_the_limit() {
    let letters = [
        letter("a", &body("a"), REJECTED),
        letter("b", "not json", LAMBDA),
        letter("c", &body("c"), LAMBDA),
        letter("d", &body("d"), LAMBDA),
        letter("e", &body("e"), &[]),
    ];
    let all = plan(&letters, None, Wishes::default(), &History::default());
    assert_eq!(ids(&all), ["c", "d", "e"]);
    let left: Vec<_> = all.left.iter().map(|letter| (letter.message_id.as_str(), &letter.left)).collect();
    assert!(matches!(left[..], [("m-a", Left::Rejected), ("m-b", Left::Unsendable { .. })]), "{left:?}");

    let one = plan(&letters, Some(1), Wishes::default(), &History::default());
    assert_eq!((ids(&one), one.not_selected), (vec!["c"], 2));

    let wishes = Wishes { include_rejected: true, force: false };
    assert_eq!(ids(&plan(&letters, None, wishes, &History::default())), ["a", "c", "d", "e"]);
}

#[test]
fn a_mended_event_is_sent_although_it_was_rejected_and_both_bodies_are_kept() {
    let letters = vec![letter("a", &body("a"), REJECTED)];
    let selection = Selection::new(letters, &Selectors::default(), Timestamp::now());
    let mended = Mended::from([("m-a".to_owned(), body("a").replace("\"1\"", "\"2\""))]);
    let options = Options::default();
    let plan = Plan::new(selection, None, (Wishes::default(), &options), &History::default(), &mended);
    let [planned] = plan.letters.as_slice() else { panic!("{plan:?}") };
    assert_eq!(planned.original.as_deref(), Some(body("a").as_str()));
    assert_eq!(planned.body, mended["m-a"]);
}

#[test]
fn what_came_back_twice_is_left_the_third_time_unless_forced() {
    let dir = tempfile::tempdir().unwrap();
    let stack = samples::stack();
    let letters = [letter("a", &body("a"), LAMBDA), letter("b", &body("b"), LAMBDA)];
    for (redrives, expected) in [(0, vec!["a", "b"]), (1, vec!["a", "b"]), (2, vec!["b"])] {
        let history = History::read(dir.path(), &stack, Timestamp::now()).unwrap();
        assert_eq!(history.count(StageName::Ingestion, "a"), redrives);
        let plan = plan(&letters, None, Wishes::default(), &history);
        assert_eq!(ids(&plan), expected, "after {redrives} redrives");
        let header = Header::new("redrive dlq", Change::Redrive, &stack, json!({}));
        let accepted = Accepted { accepted_id: None, at: Timestamp::now() };
        let record = Record::Accepted { message_id: format!("m-{redrives}"), accepted };
        let written = Written { record, stage: Some(StageName::Ingestion), event_id: Some("a".to_owned()) };
        Journal::create(dir.path(), &header).unwrap().write(&written).unwrap();
    }
    let history = History::read(dir.path(), &stack, Timestamp::now()).unwrap();
    let refused = plan(&letters, None, Wishes::default(), &history);
    assert_eq!(refused.left[0].left, Left::CameBack { times: 3 });
    let forced = plan(&letters, None, Wishes { force: true, include_rejected: false }, &history);
    assert_eq!((ids(&forced), forced.letters[0].sent_before), (vec!["a", "b"], 3));

    let later = Timestamp::now() + SignedDuration::from_hours(15 * 24);
    assert_eq!(History::read(dir.path(), &stack, later).unwrap(), History::default(), "it is forgotten in time");
    let mut other = stack;
    other.account_id = "999999999999".to_owned();
    assert_eq!(History::read(dir.path(), &other, Timestamp::now()).unwrap(), History::default());
}

#[test]
fn a_resumed_run_knows_what_the_killed_one_did() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { rate: Some(2.5), via: Via::Bus, ..Options::default() };
    let header = Header::new("redrive dlq", Change::Redrive, &samples::stack(), json!({ "options": options }));
    let journal = Journal::create(dir.path(), &header).unwrap();
    let read = || Resumed::read(&journal::open(dir.path(), &header.run).unwrap());
    assert_eq!(read().unwrap_err().exit_status(), ExitStatus::Usage, "without a whole plan nothing was sent");

    let letters: Vec<_> = ["a", "b", "c"].map(|id| letter(id, &body(id), LAMBDA)).to_vec();
    let plan = plan(&letters, None, Wishes::default(), &History::default());
    save_plan(&journal, &plan.letters, &plan.left).unwrap();
    let at: Timestamp = "2026-11-22T12:00:00.123456789Z".parse().unwrap();
    let accepted = Accepted { accepted_id: Some("request".to_owned()), at };
    for id in ["m-a", "m-b"] {
        let record = Record::Accepted { message_id: id.to_owned(), accepted: accepted.clone() };
        let stage = Some(StageName::Ingestion);
        journal.write(&Written { record, stage, event_id: Some(id.to_owned()) }).unwrap();
    }
    journal.write(&Record::Deleted { message_ids: vec!["m-a".to_owned()] }).unwrap();
    journal.write(&Record::Unknown { message_id: "m-c".to_owned(), reason: "no answer".to_owned() }).unwrap();

    let resumed = read().unwrap();
    assert_eq!((&resumed.options, &resumed.letters), (&options, &plan.letters));
    let known = |id: &str| resumed.known.get(id).copied();
    assert_eq!((known("m-a"), known("m-b"), known("m-c")), (Some(Known::Deleted), Some(Known::Accepted), None));
    assert_eq!(resumed.accepted["m-b"], accepted);
}
