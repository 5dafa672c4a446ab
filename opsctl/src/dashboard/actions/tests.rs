//! What keys and the operator's words do, on recorded letters; and what the operator lets through.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::SignedDuration;

use super::testing::{letters, nothing_to_send, open_letters, previewed, stopped, stopped_run};
use super::*;
use crate::aws::testing::clients;
use crate::change::{Change, Gate, Needed};
use crate::dashboard::event::{Effect, Event};
use crate::dashboard::pages::{Loaded, Topic};
use crate::dashboard::state::State;
use crate::dashboard::testing::state;
use crate::dashboard::update::update;
use crate::error::Error;
use crate::redrive::{Progress, Request, Wishes};
use crate::snapshot::samples;
use crate::stack::{Stack, StageName};

const INGESTION: StageName = StageName::Ingestion;

fn press(state: &mut State, code: KeyCode) -> Vec<Effect> {
    update(state, Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

fn ctrl(state: &mut State, character: char) -> Vec<Effect> {
    update(state, Event::Key(KeyEvent::new(KeyCode::Char(character), KeyModifiers::CONTROL)))
}

fn typed(state: &mut State, text: &str) -> Vec<Effect> {
    text.chars().flat_map(|character| press(state, KeyCode::Char(character))).collect()
}

fn command(state: &mut State, text: &str) -> Vec<Effect> {
    typed(state, &format!(":{text}"));
    press(state, KeyCode::Enter)
}

fn tell(state: &mut State, told: Told) -> Vec<Effect> {
    let now = state.now;
    update(state, Event::Told(told, now))
}

fn show(state: &mut State, wishes: Wishes) {
    let shown = previewed(&state.stack, wishes);
    tell(state, Told::Previewed(Box::new(shown)));
}

/// A state in which the letters of ingestion are shown.
fn with_letters() -> State {
    let mut state = state(samples::unhealthy());
    open_letters(&mut state);
    state
}

/// A state in which the redrive of ingestion's queue is asked about.
fn asked() -> State {
    let mut state = with_letters();
    typed(&mut state, "A");
    show(&mut state, Wishes::default());
    state
}

/// A state in which it is under way.
fn under_way() -> State {
    let mut state = asked();
    typed(&mut state, "y");
    press(&mut state, KeyCode::Enter);
    tell(&mut state, Told::Confirmed);
    tell(&mut state, Told::Began("20261122-121430-000-4f9a1c2b".to_owned()));
    tell(&mut state, Told::Progress(Progress { total: 3, redriven: 1, in_hand: 2, ..Progress::default() }));
    state
}

/// The redrive that these effects ask for.
#[track_caller]
fn request(effects: &[Effect]) -> Request {
    match effects {
        [Effect::Change(Order::Prepare(Wanted::Redrive(request)))] => (**request).clone(),
        other => panic!("no redrive: {other:?}"),
    }
}

fn is_error(state: &State) -> bool {
    state.toast.as_ref().is_some_and(|toast| toast.is_error)
}

fn marked(state: &State) -> Vec<String> {
    state.actions.marks.of(INGESTION)
}

#[test]
fn letters_are_marked_one_by_one_all_none_and_by_cause() {
    let mut state = with_letters();
    typed(&mut state, "  ");
    assert_eq!(marked(&state), ["m-e1", "m-e2"], "space marks and goes on");
    typed(&mut state, "k ");
    assert_eq!(marked(&state), ["m-e1"], "a second time takes the mark away");
    typed(&mut state, "a");
    assert_eq!(marked(&state).len(), letters().len());
    typed(&mut state, "n");
    assert!(marked(&state).is_empty());
    typed(&mut state, "Gc");
    assert_eq!(marked(&state), ["m-r1", "m-r2"]);
}

#[test]
fn letters_that_are_still_being_read_cannot_be_marked_or_redriven_and_that_is_said() {
    for key in ["a", " ", "c", "r"] {
        let mut state = with_letters();
        let page = state.pages.last_mut().unwrap();
        (page.data.data, page.loading) = (None, true);
        typed(&mut state, key);
        assert!(marked(&state).is_empty() && is_error(&state), "{key}");
        assert_eq!(state.toast.unwrap().text, "the letters are still being read");
    }
}

#[test]
fn marks_and_the_selected_row_survive_a_refresh_in_another_order() {
    let mut state = with_letters();
    typed(&mut state, "j j");
    assert_eq!(marked(&state), ["m-e2"]);
    let before = state.list();
    let before = crate::dashboard::cursor::Rows::key(&before, state.cursor().position(&before).unwrap());
    let mut refreshed = letters();
    refreshed.reverse();
    refreshed.retain(|letter| letter.event_id.as_deref() != Some("e1"));
    let (topic, now) = (Topic::Letters(INGESTION), state.now);
    update(&mut state, Event::Loaded(topic, Box::new(Ok(Loaded::Letters(refreshed))), now));
    let after = state.list();
    let after = crate::dashboard::cursor::Rows::key(&after, state.cursor().position(&after).unwrap());
    assert_eq!((before.as_str(), after.as_str()), ("m-e4", "m-e4"));
    assert_eq!(marked(&state), ["m-e2"]);
}

#[test]
fn what_is_redriven_is_what_is_marked_else_selected() {
    let mut state = with_letters();
    typed(&mut state, "j");
    let selected = request(&typed(&mut state, "r"));
    assert_eq!((selected.queues, selected.selectors.id), (vec![INGESTION], vec!["m-e2".to_owned()]));

    let mut state = with_letters();
    typed(&mut state, "  jj");
    assert_eq!(request(&typed(&mut state, "r")).selectors.id, ["m-e1", "m-e2"], "wherever the cursor is");

    let mut state = with_letters();
    let whole = request(&typed(&mut state, " A"));
    assert!(whole.selectors.selects_all(), "{whole:?}");

    let mut state = with_letters();
    typed(&mut state, "j");
    press(&mut state, KeyCode::Enter);
    assert!(matches!(state.pages.last().unwrap().topic, Topic::Letter(_)));
    assert_eq!(request(&typed(&mut state, "r")).selectors.id, ["m-e2"]);
}

#[test]
fn queues_and_causes_are_redriven_from_the_panel_and_the_command_line() {
    let mut state = state(samples::unhealthy());
    let queue = request(&typed(&mut state, "3r"));
    assert_eq!((queue.queues, queue.selectors.cause), (vec![INGESTION], Vec::<String>::new()));
    let mut state = super::tests::state(samples::unhealthy());
    let cause = request(&typed(&mut state, "3jr"));
    assert_eq!((cause.queues, cause.selectors.cause), (vec![INGESTION], vec!["VALIDATION".to_owned()]));
    let mut state = super::tests::state(samples::unhealthy());
    assert_eq!(request(&command(&mut state, "redrive proc")).queues, [StageName::Processing]);
    let mut state = super::tests::state(samples::unhealthy());
    assert_eq!(command(&mut state, "redrive nowhere"), []);
    assert!(is_error(&state));
    typed(&mut state, "2r");
    assert!(state.actions.work.is_none(), "an alarm cannot be redriven");
}

#[test]
fn nothing_is_done_without_the_answer() {
    for refuse in [KeyCode::Enter, KeyCode::Esc] {
        let mut state = asked();
        assert_eq!(press(&mut state, refuse), [Effect::Change(Order::Forget)], "the default is no");
        assert!(state.actions.dialog.is_none() && state.actions.work.is_none());
    }
    let mut state = asked();
    assert_eq!(ctrl(&mut state, 'c'), [Effect::Change(Order::Forget)]);

    let mut state = asked();
    assert_eq!(typed(&mut state, "qrxA n"), [], "what is typed is no key");
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::Change(Order::Confirm("qrxA n".to_owned()))]);
    tell(&mut state, Told::Unconfirmed("not confirmed".to_owned()));
    let Some(Dialog::Preview(preview)) = &state.actions.dialog else { panic!("the preview is gone") };
    assert_eq!((preview.answer.value(), preview.error.as_deref()), ("", Some("not confirmed")));
    typed(&mut state, "y");
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::Change(Order::Confirm("y".to_owned()))]);
    assert_eq!(press(&mut state, KeyCode::Enter), [], "once");
    assert_eq!(press(&mut state, KeyCode::Esc), [], "it is with the gate");
    assert!(state.actions.is_busy());
}

#[test]
fn what_is_left_can_be_wished_for() {
    let mut state = asked();
    let again = |wishes| [Effect::Change(Order::PlanAgain(wishes))];
    let rejected = Wishes { include_rejected: true, force: false };
    assert_eq!(ctrl(&mut state, 'r'), again(rejected));
    show(&mut state, rejected);
    let both = Wishes { include_rejected: true, force: true };
    assert_eq!(ctrl(&mut state, 'f'), again(both));
    show(&mut state, both);
    let Some(Dialog::Preview(preview)) = &state.actions.dialog else { panic!("the preview is gone") };
    assert_eq!((preview.shown.left, preview.shown.wishes), ((0, 0), Some(both)));
    assert_eq!(ctrl(&mut state, 'r'), again(Wishes { include_rejected: false, force: true }));
}

#[test]
fn a_plan_of_nothing_asks_nothing() {
    let mut state = with_letters();
    typed(&mut state, "r");
    let shown = nothing_to_send(&state.stack);
    tell(&mut state, Told::Previewed(Box::new(shown)));
    assert_eq!(typed(&mut state, "y"), []);
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::Change(Order::Forget)]);
}

#[test]
fn reading_can_be_given_up_and_what_comes_late_is_not_shown() {
    let mut state = with_letters();
    typed(&mut state, "A");
    tell(&mut state, Told::Read(3));
    assert_eq!(press(&mut state, KeyCode::Esc), [Effect::Change(Order::Stop)]);
    assert!(state.actions.dialog.is_none());
    typed(&mut state, "A");
    assert!(is_error(&state), "one at a time");
    show(&mut state, Wishes::default());
    assert!(state.actions.dialog.is_none() && state.actions.work.is_none());

    let mut state = with_letters();
    typed(&mut state, "A");
    press(&mut state, KeyCode::Esc);
    let error = Error::refused("stopped while reading the dead letters", "nothing was changed");
    tell(&mut state, Told::Ended(Err(Complaint::from(&error))));
    assert!(state.actions.dialog.is_none(), "who stopped it need not be told at length");
    assert!(state.toast.is_some());
}

#[test]
fn while_it_goes_on_every_other_key_is_answered() {
    let mut state = under_way();
    assert!(state.actions.dialog.is_none());
    press(&mut state, KeyCode::Esc);
    typed(&mut state, "2j");
    assert_eq!(state.focus, crate::dashboard::rows::Panel::Alarms);
    typed(&mut state, "?");
    assert!(state.overlay.is_some());
    press(&mut state, KeyCode::Esc);
    typed(&mut state, "3r");
    assert!(is_error(&state), "one change at a time");
    assert_eq!(typed(&mut state, "x"), [Effect::Change(Order::Stop)]);
    assert!(state.actions.work.as_ref().is_some_and(|work| work.stopping));
}

#[test]
fn the_end_shows_each_letter_and_takes_the_marks_of_what_is_through() {
    let mut state = under_way();
    state.actions.marks.add(INGESTION, ["m-e1", "m-e2", "m-e4"].map(str::to_owned));
    let effects = tell(&mut state, Told::Ended(Ok(Box::new(stopped()))));
    assert_eq!(marked(&state), ["m-e2", "m-e4"]);
    let page = state.pages.last().unwrap();
    let Topic::Report(paper) = &page.topic else { panic!("{:?}", page.topic) };
    assert_eq!(paper.copy, "opsctl redrive dlq --resume 20261122-121430-000-4f9a1c2b");
    assert_eq!(paper.value["letters"].as_array().map(Vec::len), Some(3));
    assert!(effects.contains(&Effect::Refresh));
    assert!(effects.contains(&Effect::Load(Topic::Letters(INGESTION))), "the list below is read again");
    assert_eq!(typed(&mut state, "y"), [Effect::Copy(paper_copy())]);
    press(&mut state, KeyCode::Esc);
    command(&mut state, "result");
    assert!(matches!(state.pages.last().unwrap().topic, Topic::Report(_)));
}

fn paper_copy() -> String {
    stopped_run().resume.unwrap()
}

#[test]
fn quitting_waits_for_what_is_under_way_and_a_second_time_does_not() {
    for again in [KeyCode::Char('q'), KeyCode::Char('x')] {
        let mut state = under_way();
        press(&mut state, KeyCode::Esc);
        assert_eq!(typed(&mut state, "q"), [Effect::Change(Order::Stop)]);
        assert_eq!(state.actions.leaving, Some(Leaving::Quit));
        let effects = press(&mut state, again);
        assert_eq!(effects.contains(&Effect::Quit), again == KeyCode::Char('q'));
        let left = state.actions.farewell().unwrap();
        assert!(left.contains("--resume 20261122-121430-000-4f9a1c2b"), "{left}");
        assert_eq!(tell(&mut state, Told::Ended(Ok(Box::new(stopped())))), [Effect::Quit]);
        let said = state.actions.farewell().unwrap();
        assert!(said.contains("1 of 3 letters redriven") && said.contains("--resume"), "{said}");
    }
}

#[test]
fn a_signal_waits_too_whatever_is_open() {
    let mut state = under_way();
    typed(&mut state, ":");
    assert_eq!(update(&mut state, Event::Signal(15)), [Effect::Change(Order::Stop)]);
    assert!(state.overlay.is_none(), "nothing takes the keys of the second time");
    assert_eq!(state.actions.leaving, Some(Leaving::Signal(15)));
    assert_eq!(ctrl(&mut state, 'c'), [Effect::Quit]);

    let mut state = with_letters();
    typed(&mut state, "A");
    assert_eq!(update(&mut state, Event::Signal(15)), [Effect::Change(Order::Stop)], "letters are in hand");
    let error = Error::refused("stopped while reading the dead letters", "nothing was changed");
    assert_eq!(tell(&mut state, Told::Ended(Err(Complaint::from(&error)))), [Effect::Quit]);

    let mut state = asked();
    assert_eq!(update(&mut state, Event::Signal(15)), [Effect::Quit], "a question is not under way");
}

#[test]
fn the_past_is_not_changed() {
    let mut state = state(samples::unhealthy());
    state.at = Some(state.now - SignedDuration::from_mins(5));
    assert_eq!(typed(&mut state, "3r"), []);
    assert!(is_error(&state) && state.actions.work.is_none());
}

#[test]
fn a_stage_is_paused_and_resumed_and_the_redrive_of_what_gathered_is_offered() {
    let mut state = state(samples::unhealthy());
    assert_eq!(typed(&mut state, "1P"), [Effect::Change(Order::Prepare(Wanted::Pause(INGESTION)))]);
    tell(&mut state, Told::Ended(Ok(Box::new(Outcome::Paused(INGESTION)))));
    assert!(state.toast.as_ref().is_some_and(|toast| toast.text.contains("is paused")));

    // Notification is paused in the sample.
    let resume = typed(&mut state, "1jjP");
    assert_eq!(resume, [Effect::Change(Order::Prepare(Wanted::Resume(StageName::Notification)))]);
    let stage = StageName::Notification;
    tell(&mut state, Told::Ended(Ok(Box::new(Outcome::Resumed { stage, letters: 12 }))));
    assert!(matches!(state.actions.dialog, Some(Dialog::Offer { letters: 12, .. })));
    let mut refused = state.clone();
    press(&mut refused, KeyCode::Enter);
    assert!(refused.actions.dialog.is_none() && refused.actions.work.is_none(), "the default is no");
    assert_eq!(request(&typed(&mut state, "y")).queues, [stage]);
}

#[test]
fn a_test_event_is_checked_in_its_form_and_then_previewed() {
    let mut state = state(samples::healthy());
    typed(&mut state, "s");
    assert_eq!(typed(&mut state, "q"), [], "what is typed is no key");
    press(&mut state, KeyCode::Backspace);
    press(&mut state, KeyCode::Tab);
    typed(&mut state, "x");
    assert_eq!(press(&mut state, KeyCode::Enter), []);
    let Some(Dialog::Form(form)) = &state.actions.dialog else { panic!("the form is gone") };
    assert!(form.error.as_ref().is_some_and(|error| error.contains("price")), "{form:?}");
    press(&mut state, KeyCode::Backspace);
    let effects = press(&mut state, KeyCode::Enter);
    let [Effect::Change(Order::Prepare(Wanted::SendTestEvent(event)))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((event.symbol.as_str(), event.price.to_string().as_str()), ("TEST", "100.00"));

    let mut state = super::tests::state(samples::healthy());
    let effects = command(&mut state, "send BTCUSDT 39432.48 quote");
    let [Effect::Change(Order::Prepare(Wanted::SendTestEvent(event)))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(event.symbol, "BTCUSDT");
    let mut state = super::tests::state(samples::healthy());
    assert_eq!(command(&mut state, "send btcusdt"), []);
    assert!(matches!(&state.actions.dialog, Some(Dialog::Form(form)) if form.error.is_some()), "it can be mended");
    press(&mut state, KeyCode::Esc);
    assert!(state.actions.dialog.is_none());
}

#[tokio::test]
async fn a_test_event_is_shown_as_it_will_be_published() {
    let (mut operator, dir) = operator("prod", false);
    let event = Form::filled("BTCUSDT 39432.480").read(samples::now()).unwrap();
    operator.take(Order::Prepare(Wanted::SendTestEvent(Box::new(event))));
    let Told::Previewed(shown) = next(&mut operator).await else { panic!("no preview") };
    assert_eq!(shown.needed, Some(Needed::Word("prod".to_owned())));
    let text: Vec<String> = shown.lines.iter().flatten().map(|(_, text)| text.clone()).collect();
    assert!(text.iter().any(|text| text.contains(r#""price": "39432.480""#)), "{text:?}");
    operator.take(Order::Confirm("y".to_owned()));
    assert!(matches!(next(&mut operator).await, Told::Unconfirmed(_)));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is journaled");
}

#[test]
fn a_refusal_says_why_and_what_to_do() {
    let mut state = with_letters();
    typed(&mut state, "A");
    let refusal = Gate::new(&state.stack, false).read_only("it was started without --allow-writes");
    let refusal = refusal.allows(Change::Redrive).unwrap_err();
    tell(&mut state, Told::Ended(Err(Complaint::from(&refusal))));
    let Some(Dialog::Notice(notice)) = &state.actions.dialog else { panic!("{:?}", state.actions.dialog) };
    assert!(notice.complaint.message.contains("without --allow-writes"), "{notice:?}");
    assert!(notice.complaint.help.as_ref().is_some_and(|help| help.contains("--allow-writes")));
    press(&mut state, KeyCode::Esc);
    assert!(state.actions.dialog.is_none());
    typed(&mut state, "W");
    assert!(matches!(&state.actions.dialog, Some(Dialog::Notice(notice)) if !notice.is_error));
}

/// An operator for a stack of this environment, with clients that answer nothing.
fn operator(environment: &str, read_only: bool) -> (Operator, tempfile::TempDir) {
    let stack = Stack { environment: environment.to_owned(), ..crate::stack::samples::stack() };
    let gate = Gate::new(&stack, false);
    let gate = if read_only { gate.read_only("it was started without --allow-writes") } else { gate };
    let dir = tempfile::tempdir().unwrap();
    (Operator::new(clients(&[]), stack, dir.path().to_owned(), gate), dir)
}

async fn next(operator: &mut Operator) -> Told {
    operator.next().await.unwrap().unwrap()
}

#[tokio::test]
async fn a_read_only_operator_refuses_before_it_asks_aws() {
    let (mut operator, dir) = operator("dev", true);
    let event = Form::default().read(samples::now()).unwrap();
    let wanted = [
        Wanted::Redrive(Box::new(Request::new(vec![INGESTION]))),
        Wanted::Pause(INGESTION),
        Wanted::Resume(INGESTION),
        Wanted::SendTestEvent(Box::new(event)),
    ];
    for wanted in wanted {
        operator.take(Order::Prepare(wanted));
        // A call would fail with another message: no rule answers it.
        assert!(!operator.is_busy(), "it reads something");
        let Told::Ended(Err(complaint)) = next(&mut operator).await else { panic!("it was not refused") };
        assert!(complaint.message.ends_with("it was started without --allow-writes"), "{complaint:?}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is journaled");
}

#[tokio::test]
async fn only_what_was_previewed_can_be_confirmed_and_only_with_its_word() {
    let (mut operator, dir) = operator("prod", false);
    operator.take(Order::Confirm("prod".to_owned()));
    let told = next(&mut operator).await;
    assert!(matches!(told, Told::Unconfirmed(_)), "{told:?}");

    operator.prepare_for_tests(Wishes::default());
    for answer in ["y", "yes", "dev", "PROD", ""] {
        operator.take(Order::Confirm(answer.to_owned()));
        let Told::Unconfirmed(why) = next(&mut operator).await else { panic!("{answer:?} was enough") };
        assert!(why.contains("type prod"), "{why}");
    }
    operator.take(Order::Forget);
    operator.take(Order::Confirm("prod".to_owned()));
    let told = next(&mut operator).await;
    assert!(matches!(told, Told::Unconfirmed(_)), "what was forgotten was done: {told:?}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is journaled");
}

#[tokio::test]
async fn what_is_confirmed_is_journaled_before_anything_is_sent_and_stops_cleanly() {
    let (mut operator, dir) = operator("dev", false);
    operator.prepare_for_tests(Wishes::default());
    operator.take(Order::Confirm("y".to_owned()));
    operator.take(Order::Stop);
    assert_eq!(next(&mut operator).await, Told::Confirmed);
    let Told::Began(run) = next(&mut operator).await else { panic!("it did not begin") };
    let report = loop {
        match next(&mut operator).await {
            Told::Progress(_) => {}
            Told::Ended(Ok(outcome)) => break outcome,
            other => panic!("{other:?}"),
        }
    };
    let Outcome::Redrive(report) = *report else { panic!("{report:?}") };
    assert!(report.stopped && report.redriven() == 0, "{report:?}");
    assert_eq!(report.resume.as_deref(), Some(format!("opsctl redrive dlq --resume {run}").as_str()));
    let journal = std::fs::read_to_string(dir.path().join(format!("{run}.jsonl"))).unwrap();
    let records: Vec<&str> = journal.lines().map(|line| line.split('"').nth(3).unwrap()).collect();
    assert_eq!(records, ["header", "planned", "planned", "planned", "left", "left", "left", "plan_complete", "finish"]);
}
