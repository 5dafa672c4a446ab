use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::batch_get_item::{BatchGetItemInput, BatchGetItemOutput};
use aws_sdk_dynamodb::operation::query::{QueryInput, QueryOutput};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_mocks::{Rule, mock};

use super::*;
use crate::aws::testing;
use crate::stack::samples;

const TIME: &str = "2026-11-22T12:00:00.000000Z";

type Item = HashMap<String, AttributeValue>;

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn row(id: &str, status: &str, received_at: Timestamp) -> Item {
    HashMap::from([
        ("event_id".to_owned(), text(id)),
        ("timestamp".to_owned(), text(TIME)),
        ("event_type".to_owned(), text("trade")),
        ("symbol".to_owned(), text("X")),
        ("status".to_owned(), text(status)),
        ("received_at".to_owned(), text(&received_at.to_string())),
        ("processed_at".to_owned(), text(&(received_at + SignedDuration::from_millis(40)).to_string())),
    ])
}

fn audit(status: &str, at: Timestamp, trace_id: &str) -> Item {
    HashMap::from([
        ("timestamp".to_owned(), text(&at.to_string())),
        ("status".to_owned(), text(status)),
        ("error_message".to_owned(), text("because")),
        ("trace_id".to_owned(), text(trace_id)),
    ])
}

/// An event sent so many seconds ago.
fn sent(id: &str, seconds_ago: i64) -> SentEvent {
    SentEvent {
        event_id: id.to_owned(),
        key: Some(EventKey { event_id: id.to_owned(), timestamp: TIME.to_owned() }),
        sent_at: Timestamp::now() - SignedDuration::from_secs(seconds_ago),
        trace_id: None,
        refused: None,
        poison: false,
        line: None,
    }
}

/// The events table; the answer may depend on the round. Counts the keys asked for.
fn rows(answer: impl Fn(&str, usize) -> Option<Item> + Send + Sync + 'static) -> (Rule, Arc<Mutex<Vec<usize>>>) {
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sizes);
    let rule = mock!(Client::batch_get_item).then_compute_output(move |input: &BatchGetItemInput| {
        let (table, request) = input.request_items().unwrap().iter().next().unwrap();
        let mut sizes = seen.lock().unwrap();
        let round = sizes.len();
        sizes.push(request.keys().len());
        let ids = request.keys().iter().map(|key| key["event_id"].as_s().unwrap());
        let items = ids.filter_map(|id| answer(id, round)).collect();
        BatchGetItemOutput::builder().responses(table, items).build()
    });
    (rule, sizes)
}

/// The audit table, by audit id.
fn audits(answer: impl Fn(&str) -> Vec<Item> + Send + Sync + 'static) -> Rule {
    mock!(Client::query).then_compute_output(move |input: &QueryInput| {
        let id = input.expression_attribute_values().unwrap()[":id"].as_s().unwrap();
        QueryOutput::builder().set_items(Some(answer(id))).build()
    })
}

async fn outcomes(rules: &[&Rule], sent: &[SentEvent], timeout: Duration) -> Vec<Outcome> {
    let follower = Follower { clients: testing::clients(rules), stack: samples::stack() };
    let events = follower.follow(sent, timeout, &Stop::never(), |_| {}).await.unwrap();
    events.into_iter().map(|event| event.outcome).collect()
}

#[tokio::test]
async fn events_are_followed_until_their_rows_are_processed() {
    let (rows, sizes) = rows(|id, round| {
        let done = id == "quick" || round >= 2;
        (round >= 1 || id == "quick").then(|| row(id, if done { "PROCESSED" } else { "RECEIVED" }, Timestamp::now()))
    });
    let events = [sent("quick", 0), sent("slow", 0)];
    let outcomes = outcomes(&[&rows], &events, Duration::from_secs(20)).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Processed { .. })), "{outcomes:?}");
    assert_eq!(*sizes.lock().unwrap(), [2, 1, 1], "what has ended is not read again");
}

#[tokio::test]
async fn a_thousand_events_are_ten_reads() {
    let (rows, sizes) = rows(|id, _| Some(row(id, "PROCESSED", Timestamp::now())));
    let events: Vec<SentEvent> = (0..1000).map(|number| sent(&format!("e{number}"), 0)).collect();
    let outcomes = outcomes(&[&rows], &events, Duration::from_secs(20)).await;
    assert_eq!(outcomes.len(), 1000);
    assert_eq!(*sizes.lock().unwrap(), [100; 10]);
}

#[tokio::test]
async fn poison_is_looked_for_in_the_audit_at_once() {
    let (rows, _) = rows(|_, _| None);
    let audits = audits(|id| match id {
        "bad#ingestion" => vec![audit("REJECTED", Timestamp::now(), "t")],
        _ => vec![],
    });
    let poison = SentEvent { poison: true, ..sent("bad", 0) };
    let outcomes = outcomes(&[&rows, &audits], &[poison], Duration::from_secs(20)).await;
    let reason = "because".to_owned();
    assert_eq!(outcomes, [Outcome::Rejected { stage: StageName::Ingestion, reason }]);
}

#[tokio::test]
async fn what_leaves_no_trace_is_lost_and_what_stays_stored_is_late() {
    let (rows, _) = rows(|id, _| (id == "stored").then(|| row(id, "RECEIVED", Timestamp::now())));
    let audits = audits(|_| vec![]);
    let events = [sent("gone", 10), sent("stored", 1)];
    let outcomes = outcomes(&[&rows, &audits], &events, Duration::from_millis(300)).await;
    assert_eq!(outcomes, [Outcome::Lost, Outcome::Late]);
}

#[tokio::test]
async fn asked_to_stop_it_does_not_call_lost_what_may_still_come() {
    let (rows, _) = rows(|_, _| None);
    let follower = Follower { clients: testing::clients(&[&rows]), stack: samples::stack() };
    let stop = Stop::never();
    let events = follower.follow(&[sent("e", 0)], Duration::from_mins(1), &stop, |_| stop.request()).await.unwrap();
    assert_eq!(events[0].outcome, Outcome::Open);
}

#[tokio::test]
async fn an_older_row_is_not_taken_for_this_copy() {
    let old = Timestamp::now() - SignedDuration::from_mins(5);
    let (rows, _) = rows(move |id, _| Some(row(id, "PROCESSED", old)));
    let asked = Arc::new(AtomicUsize::new(0));
    let times = Arc::clone(&asked);
    let audits = audits(move |id| {
        let first = audit("STORED", old, "t");
        // Ingestion gets to this copy only after the first look.
        if times.fetch_add(1, Ordering::Relaxed) < 2 {
            return vec![first];
        }
        let status = if id.starts_with("same") { "DUPLICATE" } else { "CONFLICT" };
        vec![first, audit(status, Timestamp::now(), "t")]
    });
    let events = [sent("same", 0), sent("other", 0)];
    let outcomes = outcomes(&[&rows, &audits], &events, Duration::from_secs(20)).await;
    assert_eq!(outcomes, [Outcome::Duplicate, Outcome::Conflict { reason: "because".to_owned() }]);
    assert!(asked.load(Ordering::Relaxed) >= 4);
}

#[tokio::test]
async fn a_copy_with_its_own_trace_is_known_however_close_the_sendings_are() {
    let just_before = Timestamp::now() - SignedDuration::from_millis(300);
    let (rows, _) = rows(move |id, _| Some(row(id, "PROCESSED", just_before)));
    let audits =
        audits(move |_| vec![audit("STORED", just_before, "1-a"), audit("DUPLICATE", Timestamp::now(), "1-b")]);
    let copy = SentEvent { trace_id: Some("1-b".to_owned()), ..sent("e", 0) };
    assert_eq!(outcomes(&[&rows, &audits], &[copy], Duration::from_secs(20)).await, [Outcome::Duplicate]);
}

#[tokio::test]
async fn a_stage_that_gives_up_on_a_stored_event_is_named() {
    let (rows, _) = rows(|id, _| Some(row(id, "RECEIVED", Timestamp::now() - SignedDuration::from_secs(9))));
    let audits = audits(|id| match id {
        "e#processing" => vec![audit("REJECTED", Timestamp::now(), "t")],
        _ => vec![],
    });
    let event = SentEvent { sent_at: Timestamp::now() - SignedDuration::from_secs(10), ..sent("e", 10) };
    let outcomes = outcomes(&[&rows, &audits], &[event], Duration::from_secs(20)).await;
    assert!(matches!(outcomes[..], [Outcome::Rejected { stage: StageName::Processing, .. }]), "{outcomes:?}");
}

#[tokio::test]
async fn what_the_bus_refused_is_not_looked_for() {
    let refused = SentEvent { refused: Some("MalformedDetail: no".to_owned()), ..sent("e", 0) };
    let outcomes = outcomes(&[], &[refused], Duration::from_secs(20)).await;
    assert_eq!(outcomes, [Outcome::Refused { reason: "MalformedDetail: no".to_owned() }]);
}
