//! From keys to orders, and from what the operator tells to what is shown. Pure.

use std::sync::Arc;

use jiff::Timestamp;

use super::dialog::{Dialog, Notice, Preview};
use super::order::{Order, Wanted};
use super::paper::Paper;
use super::state::Leaving;
use super::told::{Complaint, Outcome, Previewed, Told};
use super::work::{Phase, Work};
use crate::aws::dead_letters::DeadLetter;
use crate::change::Needed;
use crate::dashboard::event::Effect;
use crate::dashboard::keys::Action;
use crate::dashboard::pages::Topic;
use crate::dashboard::rows::{List, Panel};
use crate::dashboard::state::State;
use crate::dashboard::update::show_page;
use crate::invocation::opsctl;
use crate::redrive::{Left, LeftLetter, Request, RunReport};
use crate::snapshot::Remedy;
use crate::stack::StageName;

/// Does what a key means that marks, changes or stops something.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Mark => mark_selected(state),
        Action::MarkAll => mark(state, |_, _| true),
        Action::MarkCause => {
            mark(state, |letter, selected| (letter.origin, &letter.code) == (selected.origin, &selected.code));
        }
        Action::MarkNone => {
            if let Some(queue) = queue_on_page(state) {
                state.actions.marks.clear(queue);
            }
        }
        Action::Redrive => return redrive_selected(state),
        Action::RedriveQueue => match queue_on_page(state) {
            Some(queue) => return redrive(state, Request::new(vec![queue])),
            None => state.complain("no queue is selected"),
        },
        Action::SwitchStage => return switch_stage(state),
        Action::TestEvent => state.actions.dialog = Some(Dialog::Form(Box::default())),
        Action::Stop => return stop(state),
        Action::WhyReadOnly => explain_writes(state),
        _ => {}
    }
    Vec::new()
}

/// Begins a change: its preview is read.
pub fn want(state: &mut State, wanted: Wanted) -> Vec<Effect> {
    if state.at.is_some() {
        state.complain("this is the past, and nothing of it can be changed: L shows the present");
        return Vec::new();
    }
    if let Some(work) = &state.actions.work {
        let what = work.what.clone();
        state.complain(format!("one change at a time: {what} is under way, x stops it"));
        return Vec::new();
    }
    state.actions.work = Some(Work::reading(wanted.change(), wanted.reading(), state.now));
    state.actions.dialog = Some(Dialog::Reading);
    vec![Effect::Change(Order::Prepare(wanted))]
}

/// Does what a key means while a dialog is open.
pub fn act_on_dialog(state: &mut State, action: Action) -> Vec<Effect> {
    let limit = state.drawn.scroll_limit;
    let Some(dialog) = &mut state.actions.dialog else { return Vec::new() };
    match (dialog, action) {
        (Dialog::Reading, Action::Cancel) => {
            state.actions.dialog = None;
            return stop(state);
        }
        (Dialog::Preview(preview), Action::Up) => preview.scroll = preview.scroll.saturating_sub(1),
        (Dialog::Preview(preview), Action::Down) => preview.scroll = (preview.scroll + 1).min(limit),
        (Dialog::Preview(preview), Action::PageUp) => preview.scroll = preview.scroll.saturating_sub(10),
        (Dialog::Preview(preview), Action::PageDown) => preview.scroll = (preview.scroll + 10).min(limit),
        (Dialog::Preview(preview), _) if preview.pending => {}
        (Dialog::Preview(preview), Action::WithRejected | Action::Force) => {
            if let Some(mut wishes) = preview.shown.wishes {
                let wish = if action == Action::Force { &mut wishes.force } else { &mut wishes.include_rejected };
                *wish = !*wish;
                return vec![Effect::Change(Order::PlanAgain(wishes))];
            }
        }
        (Dialog::Preview(preview), Action::Accept) => {
            let answer = preview.answer.value().trim().to_owned();
            // The default is no.
            if answer.is_empty() || preview.shown.needed.is_none() {
                return forget(state);
            }
            preview.pending = true;
            if let Some(work) = &mut state.actions.work {
                // From here on it may be under way.
                (work.phase, work.since) = (Phase::Doing(None), state.now);
            }
            return vec![Effect::Change(Order::Confirm(answer))];
        }
        (Dialog::Preview(_), Action::Cancel | Action::Back) => return forget(state),
        (Dialog::Form(form), Action::NextField) => form.step(1),
        (Dialog::Form(form), Action::PreviousField) => form.step(-1),
        (Dialog::Form(form), Action::Accept) => match form.read(state.now) {
            Ok(event) => return want(state, Wanted::SendTestEvent(Box::new(event))),
            Err(why) => form.error = Some(why),
        },
        (Dialog::Offer { stage, .. }, Action::Accept) => {
            let stage = *stage;
            state.actions.dialog = None;
            return redrive(state, Request::new(vec![stage]));
        }
        (Dialog::Notice(_) | Dialog::Offer { .. } | Dialog::Form(_), Action::Cancel | Action::Back) => {
            state.actions.dialog = None;
        }
        (_, Action::Suspend) => return vec![Effect::Suspend],
        (_, Action::Redraw) => return vec![Effect::Redraw],
        _ => {}
    }
    Vec::new()
}

/// Closes the preview: nothing was done.
fn forget(state: &mut State) -> Vec<Effect> {
    state.actions.dialog = None;
    if let Some(work) = state.actions.work.take() {
        state.say(format!("not confirmed, so nothing was changed ({})", work.what));
    }
    vec![Effect::Change(Order::Forget)]
}

/// Asks what goes on to stop.
fn stop(state: &mut State) -> Vec<Effect> {
    match &mut state.actions.work {
        Some(work) if work.is_busy() => {
            work.stopping = true;
            vec![Effect::Change(Order::Stop)]
        }
        _ => {
            state.say("nothing is under way");
            Vec::new()
        }
    }
}

/// Ends the program: at once when nothing is under way, else as soon as that has ended. A second time it is at once.
pub fn leave(state: &mut State, why: Leaving) -> Vec<Effect> {
    let again = state.actions.leaving.replace(why).is_some();
    if again || !state.actions.is_busy() {
        return vec![Effect::Quit];
    }
    // Nothing may take the keys of the second time.
    state.actions.dialog = None;
    state.overlay = None;
    stop(state)
}

/// Takes what the operator tells.
pub fn take(state: &mut State, told: Told, now: Timestamp) -> Vec<Effect> {
    state.now = state.now.max(now);
    let Some(work) = &mut state.actions.work else { return Vec::new() };
    match told {
        Told::Read(count) => work.phase = Phase::Reading(count),
        Told::Previewed(shown) => return previewed(state, *shown),
        Told::Unconfirmed(why) => {
            work.phase = Phase::Asking;
            if let Some(Dialog::Preview(preview)) = &mut state.actions.dialog {
                preview.answer.reset();
                (preview.error, preview.pending) = (Some(why), false);
            }
        }
        Told::Confirmed => {
            (work.phase, work.since) = (Phase::Doing(None), now);
            state.actions.dialog = None;
        }
        Told::Began(run) => work.run = Some(run),
        Told::Following(what) => work.what = what,
        Told::Progress(progress) => work.phase = Phase::Doing(Some(progress)),
        Told::Ended(result) => return ended(state, result),
    }
    Vec::new()
}

fn previewed(state: &mut State, shown: Previewed) -> Vec<Effect> {
    let Some(work) = &mut state.actions.work else { return Vec::new() };
    // Somebody has given it up meanwhile.
    if work.stopping {
        return match state.actions.leaving {
            Some(_) => vec![Effect::Quit],
            None => forget(state),
        };
    }
    (work.phase, work.what) = (Phase::Asking, shown.preview.summary.clone());
    let scroll = match &state.actions.dialog {
        Some(Dialog::Preview(before)) => before.scroll,
        _ => 0,
    };
    let mut preview = Preview::new(shown);
    preview.scroll = scroll;
    state.actions.dialog = Some(Dialog::Preview(Box::new(preview)));
    Vec::new()
}

fn ended(state: &mut State, result: Result<Box<Outcome>, Complaint>) -> Vec<Effect> {
    let work = state.actions.work.take();
    if matches!(state.actions.dialog, Some(Dialog::Reading | Dialog::Preview(_))) {
        state.actions.dialog = None;
    }
    let mut effects = vec![Effect::Refresh];
    match result {
        Ok(outcome) => effects.extend(outcome_of(state, *outcome)),
        // Who stopped the reading knows why there is nothing.
        Err(complaint) if work.is_some_and(|work| work.stopping && work.run.is_none()) => state.say(complaint.message),
        Err(complaint) => {
            state.actions.parting = Some(complaint.message.clone());
            state.actions.dialog = Some(Dialog::Notice(Notice { title: "Not done", complaint, is_error: true }));
        }
    }
    if state.actions.leaving.is_some() {
        return vec![Effect::Quit];
    }
    for page in state.pages.iter_mut().filter(|page| matches!(page.topic, Topic::Letters(_))) {
        page.loading = true;
        effects.push(Effect::Load(page.topic.clone()));
    }
    effects
}

fn outcome_of(state: &mut State, outcome: Outcome) -> Vec<Effect> {
    match outcome {
        Outcome::Redrive(report) => redriven(state, &report),
        Outcome::TestEvent(paper) => show_page(state, Topic::Report(paper)),
        Outcome::Paused(stage) => {
            state.say(format!("{stage} is paused: its events wait in its dead letter queue; P resumes it"));
            Vec::new()
        }
        Outcome::Resumed { stage, letters } => {
            // A question says it too, and wants its keys to be seen.
            if letters > 0 {
                state.actions.dialog = Some(Dialog::Offer { stage, letters });
            } else {
                state.say(format!("{stage} takes events again"));
            }
            Vec::new()
        }
    }
}

fn redriven(state: &mut State, report: &RunReport) -> Vec<Effect> {
    for letter in report.letters.iter().filter(|letter| letter.outcome.is_through()) {
        state.actions.marks.forget(&letter.message_id);
    }
    let paper = Arc::new(Paper::of_run(report));
    let next = if report.resume.is_some() { "to go on" } else { "journal" };
    state.actions.parting = Some(format!("{}\n{next}: {}", report.summary(), paper.copy));
    state.actions.last = Some(Arc::clone(&paper));
    show_page(state, Topic::Report(paper))
}

/// The queue whose letters the page on top shows, or is of.
fn queue_on_page(state: &State) -> Option<StageName> {
    // A letter's page lies on that of its queue: where a letter is, is not always which stage it is of.
    state.pages.iter().rev().find_map(|page| match &page.topic {
        Topic::Letters(queue) => Some(*queue),
        _ => None,
    })
}

/// The letters of the page on top, and the one that is selected.
fn letters_on_page(state: &State) -> Option<(StageName, &[DeadLetter], usize)> {
    let page = state.pages.last()?;
    let Topic::Letters(queue) = page.topic else { return None };
    let letters = page.letters()?;
    Some((queue, letters, page.cursor.position(&state.list())?))
}

fn mark_selected(state: &mut State) {
    let Some((queue, letters, selected)) = letters_on_page(state) else { return no_letters(state, NO_LETTER) };
    let id = letters[selected].message_id.clone();
    state.actions.marks.toggle(queue, &id);
    // The next one is at hand, as in lists where many are marked one after the other.
    let mut cursor = state.cursor().clone();
    cursor.step(&state.list(), 1);
    *state.cursor_mut() = cursor;
}

fn mark(state: &mut State, is_meant: impl Fn(&DeadLetter, &DeadLetter) -> bool) {
    let Some((queue, letters, selected)) = letters_on_page(state) else { return no_letters(state, NO_LETTER) };
    let meant = letters.iter().filter(|letter| is_meant(letter, &letters[selected]));
    let ids: Vec<String> = meant.map(|letter| letter.message_id.clone()).collect();
    state.actions.marks.add(queue, ids);
}

/// Said to a key that marks.
const NO_LETTER: &str = "there is no letter to mark";

/// Says why there are no letters to do something with: they are still being read, or else `otherwise`.
fn no_letters(state: &mut State, otherwise: &str) {
    let is_reading = state.pages.last().is_some_and(|page| page.loading && matches!(page.topic, Topic::Letters(_)));
    state.complain(if is_reading { "the letters are still being read" } else { otherwise });
}

fn redrive(state: &mut State, request: Request) -> Vec<Effect> {
    want(state, Wanted::Redrive(Box::new(request)))
}

/// Redrives what is marked on the page, else what is selected: a letter, a cause, a queue.
fn redrive_selected(state: &mut State) -> Vec<Effect> {
    if let Some(request) = request(state) {
        return redrive(state, request);
    }
    no_letters(state, "no dead letters are selected: 3 goes to them");
    Vec::new()
}

fn request(state: &State) -> Option<Request> {
    let of_ids = |queue, ids| {
        let mut request = Request::new(vec![queue]);
        request.selectors.id = ids;
        request
    };
    if let Some(page) = state.pages.last() {
        return match &page.topic {
            Topic::Letters(queue) => {
                let marked = state.actions.marks.of(*queue);
                if !marked.is_empty() {
                    return Some(of_ids(*queue, marked));
                }
                let (_, letters, selected) = letters_on_page(state)?;
                Some(of_ids(*queue, vec![letters[selected].message_id.clone()]))
            }
            Topic::Letter(letter) => Some(of_ids(queue_on_page(state)?, vec![letter.message_id.clone()])),
            Topic::Stage(stage) => Some(Request::new(vec![*stage])),
            _ => None,
        };
    }
    let list = state.list();
    let index = state.cursor().position(&list)?;
    match &list {
        List::Letters(rows) => {
            let mut request = Request::new(vec![rows[index].queue.stage]);
            request.selectors.cause = rows[index].cause.iter().map(|cause| cause.code.clone()).collect();
            Some(request)
        }
        List::Findings(findings) => match findings[index].remedy {
            Some(Remedy::Redrive(stage)) => Some(Request::new(vec![stage])),
            _ => None,
        },
        List::Stages => list.stage(index).map(|stage| Request::new(vec![stage])),
        _ => None,
    }
}

/// Pauses the selected stage, or resumes it when it is paused.
fn switch_stage(state: &mut State) -> Vec<Effect> {
    let stage = match state.pages.last().map(|page| &page.topic) {
        Some(Topic::Stage(stage)) => Some(*stage),
        Some(_) => None,
        None => {
            let list = state.list();
            let index = state.cursor().position(&list).filter(|_| state.focus != Panel::Letters);
            index.and_then(|index| list.stage(index))
        }
    };
    let Some(stage) = stage else {
        state.complain("no stage is selected: 1 goes to them");
        return Vec::new();
    };
    let functions = state.snapshot.functions.data.iter().flatten();
    let paused = functions.into_iter().any(|function| function.stage == stage && function.is_paused());
    want(state, if paused { Wanted::Resume(stage) } else { Wanted::Pause(stage) })
}

/// Says whether anything may be changed, and how to change that.
fn explain_writes(state: &mut State) {
    let environment = &state.stack.environment;
    let (message, help) = match &state.read_only {
        Some(why) => (
            format!("Nothing can be changed from this screen: {why}."),
            format!(
                "To act: quit, and start `{}`. Environments that you name in OPSCTL_SAFE_ENVIRONMENTS (or --safe-env) \
                 need no --allow-writes; a local stack never does.",
                opsctl("dashboard --allow-writes")
            ),
        ),
        None => (
            format!("Changes of {environment} are allowed. Each is shown first, and done only when you confirm it."),
            format!("To be safe from yourself: quit, and start `{}`.", opsctl("dashboard --read-only")),
        ),
    };
    let complaint = Complaint { message, causes: Vec::new(), help: Some(help) };
    state.actions.dialog =
        Some(Dialog::Notice(Notice { title: "What this screen may change", complaint, is_error: false }));
}

/// How many of the letters that are left could be sent by wishing so.
pub(super) fn left(left: &[LeftLetter]) -> (usize, usize) {
    let count = |is: fn(&Left) -> bool| left.iter().filter(|letter| is(&letter.left)).count();
    (count(|left| matches!(left, Left::Rejected)), count(|left| matches!(left, Left::CameBack { .. })))
}

/// The question of a preview, as the commands ask it.
pub(in crate::dashboard) fn question(needed: &Needed) -> String {
    match needed {
        Needed::Nothing | Needed::Yes => "Go on? [y/N] ".to_owned(),
        Needed::Word(word) => format!("Type {word} to go on: "),
    }
}
