//! Letters, previews and reports for tests.

use jiff::{SignedDuration, Timestamp};

use super::redrive::PreparedRedrive;
use super::{Outcome, Previewed};
use crate::aws::dead_letters::samples::message;
use crate::aws::dead_letters::{DeadLetter, Depth};
use crate::change::Gate;
use crate::dashboard::event::Event;
use crate::dashboard::pages::{Loaded, Topic};
use crate::dashboard::state::State;
use crate::dashboard::update::{show_page, update};
use crate::journal::RunId;
use crate::redrive::machine::{Accepted, Outcome as LetterOutcome};
use crate::redrive::{Gathered, History, Left, LeftLetter, Material, Redriven, Request, RunReport, Wishes, Word};
use crate::snapshot::samples;
use crate::stack::{Stack, StageName};

const LAMBDA: &[(&str, &str)] =
    &[("RequestID", "r"), ("ErrorCode", "200"), ("ErrorMessage", "failed to read table dynamodb-events-dev: denied")];
const REJECTED: &[(&str, &str)] =
    &[("Stage", "ingestion"), ("ErrorCode", "VALIDATION"), ("ErrorMessage", "price: must be greater than 0, not -1")];

fn letter(id: &str, attributes: &[(&str, &str)]) -> DeadLetter {
    let body = format!(
        r#"{{"id":"bus-{id}","detail-type":"MarketData.Raw","source":"marketdata.feed.x","time":"2026-11-22T12:00:00Z",
        "detail":{{"event_id":"{id}","event_type":"trade","symbol":"BTCUSDT","price":"1","size":"1"}}}}"#
    );
    let mut letter = DeadLetter::from_message(StageName::Ingestion, &message(&format!("m-{id}"), &body, attributes));
    letter.sent_at = Some(samples::now() - SignedDuration::from_mins(7));
    letter
}

/// Four letters of ingestion that Lambda gave up, `e1` to `e4`, and two that were rejected, `r1` and `r2`.
pub(crate) fn letters() -> Vec<DeadLetter> {
    let gave_up = ["e1", "e2", "e3", "e4"].map(|id| letter(id, LAMBDA));
    gave_up.into_iter().chain(["r1", "r2"].map(|id| letter(id, REJECTED))).collect()
}

/// Opens ingestion's letters, all of [`letters`].
pub(crate) fn open_letters(state: &mut State) {
    let topic = Topic::Letters(StageName::Ingestion);
    show_page(state, topic.clone());
    let now = state.now;
    update(state, Event::Loaded(topic, Box::new(Ok(Loaded::Letters(letters()))), now));
}

/// What the operator has read when all of [`letters`] are in the queue.
pub(crate) fn material() -> Material {
    let letters: Vec<_> = letters().into_iter().map(|letter| (StageName::Ingestion, letter)).collect();
    let mut history = History::default();
    for _ in 0..2 {
        history.add(StageName::Ingestion, "e4".to_owned());
    }
    history.add(StageName::Ingestion, "e3".to_owned());
    let depths = vec![(StageName::Ingestion, Depth { waiting: letters.len() as u64, in_flight: 1 })];
    Material { gathered: Gathered { letters, depths, not_given_back: 0 }, history }
}

/// The plan of a redrive of ingestion's queue with these wishes.
pub(super) fn prepared(stack: &Stack, wishes: Wishes) -> PreparedRedrive {
    let request = Request { wishes, ..Request::new(vec![StageName::Ingestion]) };
    PreparedRedrive::plan(stack, request, material())
}

/// The same as it is shown.
pub(crate) fn previewed(stack: &Stack, wishes: Wishes) -> Previewed {
    prepared(stack, wishes).shown(&Gate::new(stack, false))
}

/// The preview of a redrive of letters that are not there any more.
pub(crate) fn nothing_to_send(stack: &Stack) -> Previewed {
    let mut request = Request::new(vec![StageName::Ingestion]);
    request.selectors.id = vec!["m-gone".to_owned()];
    PreparedRedrive::plan(stack, request, material()).shown(&Gate::new(stack, false))
}

/// A run of three letters that was stopped after the first one.
pub(crate) fn stopped_run() -> RunReport {
    let redriven = |id: &str, outcome: LetterOutcome| {
        let through = outcome.is_through();
        Redriven {
            message_id: format!("m-{id}"),
            event_id: id.to_owned(),
            stage: StageName::Ingestion,
            symbol: Some("BTCUSDT".to_owned()),
            cause: "gave up 200".to_owned(),
            outcome,
            accepted: through.then_some(Accepted { accepted_id: None, at: Timestamp::UNIX_EPOCH }),
            stage_says: through.then(|| Word::Through("STORED".to_owned())),
        }
    };
    let run: RunId = "20261122-121430-000-4f9a1c2b".parse().unwrap();
    RunReport {
        resume: Some(format!("opsctl redrive dlq --resume {run}")),
        run,
        environment: "dev".to_owned(),
        letters: vec![
            redriven("e1", LetterOutcome::Redriven),
            redriven("e2", LetterOutcome::Failed { reason: "the function's code is being replaced".to_owned() }),
            redriven("e3", LetterOutcome::Stopped),
        ],
        left: vec![LeftLetter {
            message_id: "m-r1".to_owned(),
            queue: StageName::Ingestion,
            event_id: Some("r1".to_owned()),
            cause: "rejected VALIDATION".to_owned(),
            left: Left::Rejected,
        }],
        stopped: true,
        aborted: None,
        elapsed_ms: 3_400,
    }
}

/// How it ended.
pub(crate) fn stopped() -> Outcome {
    Outcome::Redrive(Box::new(stopped_run()))
}
