//! What asks, tells and goes on, as it looks.

use jiff::SignedDuration;

use crate::change::{Change, Gate};
use crate::dashboard::actions::testing::{nothing_to_send, open_letters, previewed, stopped};
use crate::dashboard::actions::{Complaint, Dialog, Form, Leaving, Outcome, Phase, Preview, Told, Work};
use crate::dashboard::event::Event;
use crate::dashboard::state::State;
use crate::dashboard::testing::{draw, lines, state, text};
use crate::dashboard::theme::{Theme, ThemeName};
use crate::dashboard::update::update;
use crate::redrive::{Progress, Wishes};
use crate::snapshot::samples;
use crate::stack::StageName;

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

fn base() -> State {
    let mut state = state(samples::unhealthy());
    state.read_only = None;
    open_letters(&mut state);
    state
}

fn tell(state: &mut State, told: Told) {
    let now = state.now;
    update(state, Event::Told(told, now));
}

fn asked(environment: &str, wishes: Wishes) -> State {
    let mut state = base();
    environment.clone_into(&mut state.stack.environment);
    state.actions.work = Some(work(Phase::Reading(0)));
    let shown = previewed(&state.stack, wishes);
    tell(&mut state, Told::Previewed(Box::new(shown)));
    state
}

fn work(phase: Phase) -> Work {
    let what = "send 300 dead letters again, in dev".to_owned();
    let mut work = Work::reading(Change::Redrive, what, samples::now() - SignedDuration::from_secs(4));
    work.run = Some("20261122-121430-000-4f9a1c2b".to_owned());
    work.phase = phase;
    work
}

fn going_on(progress: Progress) -> State {
    let mut state = base();
    state.actions.work = Some(work(Phase::Doing(Some(progress))));
    state
}

fn half() -> Progress {
    Progress { total: 300, redriven: 117, given_up: 3, in_hand: 48, ..Progress::default() }
}

#[track_caller]
fn look(name: &str, mut state: State) {
    for size in SIZES {
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), text(&mut state, size));
    }
}

#[test]
fn previews() {
    look("preview", asked("dev", Wishes::default()));
    look("preview_production", asked("prod", Wishes { include_rejected: true, force: true }));
    let mut nothing = asked("dev", Wishes::default());
    let shown = nothing_to_send(&nothing.stack);
    nothing.actions.dialog = Some(Dialog::Preview(Box::new(Preview::new(shown))));
    look("preview_of_nothing", nothing);
    let mut wrong = asked("dev", Wishes::default());
    wrong.actions.work = Some(work(Phase::Doing(None)));
    tell(&mut wrong, Told::Unconfirmed("not confirmed: type y to go on, or press Esc".to_owned()));
    look("preview_not_confirmed", wrong);
}

#[test]
fn notices() {
    let mut refused = base();
    refused.actions.work = Some(work(Phase::Reading(0)));
    let gate = Gate::new(&refused.stack, false).read_only("it was started without --allow-writes, and dev is not safe");
    let complaint = Complaint::from(&gate.allows(Change::Redrive).unwrap_err());
    tell(&mut refused, Told::Ended(Err(complaint)));
    look("refused", refused);
    let mut offered = base();
    offered.actions.work = Some(work(Phase::Doing(None)));
    tell(&mut offered, Told::Ended(Ok(Box::new(Outcome::Resumed { stage: StageName::Ingestion, letters: 12 }))));
    look("offer", offered);
    let mut reading = base();
    reading.actions.work =
        Some(Work { what: "reading the dead letters of ingestion".to_owned(), ..work(Phase::Reading(120)) });
    reading.actions.dialog = Some(Dialog::Reading);
    look("reading", reading);
}

#[test]
fn forms() {
    let mut form = base();
    form.actions.dialog = Some(Dialog::Form(Box::new(Form { focus: 2, ..Form::filled("BTCUSDT 39432.48 quote") })));
    look("form", form);
    let mut wrong = base();
    let mut filled = Form::filled("btcusdt -1");
    filled.error = filled.read(samples::now()).err();
    wrong.actions.dialog = Some(Dialog::Form(Box::new(filled)));
    look("form_wrong", wrong);
}

#[test]
fn what_goes_on() {
    look("going_on", going_on(half()));
    let mut stopping = going_on(Progress { stopping: true, ..half() });
    if let Some(work) = &mut stopping.actions.work {
        work.stopping = true;
    }
    let mut leaving = stopping.clone();
    look("stopping", stopping);
    leaving.actions.leaving = Some(Leaving::Quit);
    look("leaving", leaving);
    look("followed", going_on(Progress { redriven: 297, in_hand: 0, through: Some(120), ..half() }));
}

#[test]
fn results() {
    let mut state = going_on(half());
    tell(&mut state, Told::Ended(Ok(Box::new(stopped()))));
    look("result", state);
    let mut marked = base();
    marked.actions.marks.add(StageName::Ingestion, ["m-e1", "m-e3", "m-not-shown"].map(str::to_owned));
    look("marked", marked);
}

#[test]
fn nothing_is_lost_without_colours_or_in_ascii() {
    let mut running = going_on(half());
    running.actions.marks.add(StageName::Ingestion, ["m-e1".to_owned()]);
    for state in [&mut asked("prod", Wishes::default()), &mut running] {
        let draw = |state: &mut State, name, ascii| lines(&draw(state, (80, 24), &Theme::new(name, ascii, None)));
        assert_eq!(draw(state, ThemeName::Dark, false), draw(state, ThemeName::Plain, false));
        let ascii = draw(state, ThemeName::Plain, true);
        assert!(ascii.is_ascii(), "{ascii}");
        let questions = |text: &str| text.matches('?').count();
        assert_eq!(
            questions(&ascii),
            questions(&draw(state, ThemeName::Plain, false)),
            "a sign has no likeness: {ascii}"
        );
    }
}

#[test]
fn a_preview_that_is_too_long_can_be_scrolled_to_its_end_and_keeps_its_question() {
    let mut state = asked("dev", Wishes::default());
    let Some(Dialog::Preview(preview)) = &mut state.actions.dialog else { panic!("no preview") };
    for _ in 0..10 {
        let more = preview.shown.lines.clone();
        preview.shown.lines.extend(more.into_iter().take(20));
    }
    let last = vec![(crate::dashboard::actions::Role::Plain, "the very last line".to_owned())];
    preview.shown.lines.push(last);
    let top = text(&mut state, (80, 24));
    assert!(top.contains("Go on? [y/N]") && top.contains("more lines") && !top.contains("very last"), "{top}");
    let Some(Dialog::Preview(preview)) = &mut state.actions.dialog else { panic!("no preview") };
    preview.scroll = usize::MAX;
    let end = text(&mut state, (80, 24));
    assert!(end.contains("Go on? [y/N]") && end.contains("the very last line"), "{end}");
}
