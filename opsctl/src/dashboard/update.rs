//! From what happens to what is done about it. Pure: no IO, no clock.

use crossterm::event::{Event as TerminalEvent, KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use jiff::SignedDuration;
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::actions::{self, Leaving};
use super::commands;
use super::cursor::Rows;
use super::event::{Effect, Event};
use super::keys::{self, Action};
use super::pages::{Page, Topic};
use super::rows::{List, Panel};
use super::selection;
use super::state::{Overlay, Prompt, State};
use crate::snapshot::Update;

/// How many rows a page up or down moves.
const PAGE: isize = 10;
/// How long something said stays on the screen.
const TOAST: SignedDuration = SignedDuration::from_secs(8);

/// Takes what happened and says what is to be done about it.
pub fn update(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
        Event::Key(key) => press(state, key),
        Event::Paste(text) => {
            if let Some(input) = typed_in(state) {
                for character in text.chars().filter(|character| !character.is_control()) {
                    input.handle(tui_input::InputRequest::InsertChar(character));
                }
            }
            Vec::new()
        }
        Event::Mouse(mouse) => click(state, mouse),
        Event::Tick(now) => {
            state.now = now;
            if state.toast.as_ref().is_some_and(|toast| now.duration_since(toast.at) >= TOAST) {
                state.toast = None;
            }
            state.judge();
            Vec::new()
        }
        Event::Fetched(update, at) => {
            if let Update::Events(Ok(events)) = update.as_ref() {
                state.log.merge(events);
            }
            state.snapshot.apply(*update, at);
            if state.at.is_none() {
                state.now = state.now.max(at);
            }
            state.judge();
            Vec::new()
        }
        Event::Loaded(topic, result, at) => {
            for page in state.pages.iter_mut().filter(|page| page.topic == topic) {
                page.loading = false;
                page.data.record((*result).clone(), at);
            }
            Vec::new()
        }
        Event::Told(told, at) => actions::take(state, told, at),
        Event::Signal(number) => actions::leave(state, Leaving::Signal(number)),
        Event::Said(text) => {
            state.say(text);
            Vec::new()
        }
        Event::Failed(text) => {
            state.complain(text);
            Vec::new()
        }
    }
}

fn press(state: &mut State, key: KeyEvent) -> Vec<Effect> {
    if let Some(action) = keys::action(key, &state.scopes()) {
        return act(state, action);
    }
    if let Some(input) = typed_in(state) {
        input.handle_event(&TerminalEvent::Key(key));
    }
    Vec::new()
}

/// The line that is typed in.
fn typed_in(state: &mut State) -> Option<&mut Input> {
    if state.actions.dialog.is_some() {
        return state.actions.input();
    }
    match &mut state.overlay {
        Some(Overlay::Prompt(_, input)) => Some(input),
        _ => None,
    }
}

/// Does what a key means.
pub fn act(state: &mut State, action: Action) -> Vec<Effect> {
    if state.actions.dialog.is_some() {
        return actions::act_on_dialog(state, action);
    }
    match action {
        Action::Quit => return actions::leave(state, Leaving::Quit),
        Action::Suspend => return vec![Effect::Suspend],
        Action::Redraw => return vec![Effect::Redraw],
        Action::Help => state.overlay = Some(Overlay::Help(0)),
        Action::Back => back(state),
        Action::Open => return open(state),
        Action::Trace => match state.pages.last().and_then(Page::trace_of_event) {
            Some(id) => {
                let topic = Topic::Trace(id.to_owned());
                return show_page(state, topic);
            }
            None => state.complain("no trace of it is known"),
        },
        Action::Worst => go_to_finding(state, 0),
        Action::NextPanel => focus_by(state, 1),
        Action::PreviousPanel => focus_by(state, -1),
        Action::Left => focus(state, beside(state.focus, -1)),
        Action::Right => focus(state, beside(state.focus, 1)),
        Action::Panel(number) => focus(state, Panel::ALL[usize::from(number).min(Panel::ALL.len() - 1)]),
        Action::Zoom => state.zoom = !state.zoom,
        Action::Up => step(state, -1),
        Action::Down => step(state, 1),
        Action::PageUp => step(state, -PAGE),
        Action::PageDown => step(state, PAGE),
        Action::Top => step(state, isize::MIN),
        Action::Bottom => step(state, isize::MAX),
        Action::Filter => {
            state.overlay = Some(Overlay::Prompt(Prompt::Filter, Input::new(state.filter.to_string())));
        }
        Action::Command => state.overlay = Some(Overlay::Prompt(Prompt::Command, Input::default())),
        Action::Accept => return accept(state),
        Action::Cancel => state.overlay = None,
        Action::Pause => state.log.toggle_hold(),
        Action::Faster => return vec![Effect::Faster],
        Action::Slower => return vec![Effect::Slower],
        Action::Refresh => return refresh(state),
        Action::Copy => match selection::text(state) {
            Some(text) => return vec![Effect::Copy(text)],
            None => state.complain("nothing is selected that could be copied"),
        },
        Action::Link => match selection::link(state) {
            Ok(link) => {
                state.say(link.clone());
                return vec![Effect::Copy(link)];
            }
            Err(why) => state.complain(why),
        },
        Action::Export => return vec![selection::export(state)],
        Action::Earlier => return travel(state, -1),
        Action::Later => return travel(state, 1),
        Action::MuchEarlier => return travel(state, -15),
        Action::MuchLater => return travel(state, 15),
        Action::Live => return commands::show(state, None),
        Action::Mark
        | Action::MarkAll
        | Action::MarkNone
        | Action::MarkCause
        | Action::Redrive
        | Action::RedriveQueue
        | Action::SwitchStage
        | Action::Stop
        | Action::TestEvent
        | Action::WhyReadOnly => return actions::act(state, action),
        // They belong to a dialog.
        Action::WithRejected | Action::Force | Action::NextField | Action::PreviousField => {}
    }
    Vec::new()
}

fn accept(state: &mut State) -> Vec<Effect> {
    let Some(Overlay::Prompt(prompt, input)) = state.overlay.take() else { return Vec::new() };
    match prompt {
        Prompt::Command => commands::run(state, input.value()),
        Prompt::Filter => {
            commands::set_filter(state, input.value());
            Vec::new()
        }
    }
}

fn back(state: &mut State) {
    if state.overlay.take().is_none() && state.pages.pop().is_none() {
        state.zoom = false;
    }
}

/// Opens the selected row.
fn open(state: &mut State) -> Vec<Effect> {
    let list = state.list();
    let Some(index) = state.cursor().position(&list) else { return Vec::new() };
    let topic = match &list {
        List::Findings(_) => {
            go_to_finding(state, index);
            return Vec::new();
        }
        List::Stages => list.stage(index).map(Topic::Stage),
        List::Alarms(alarms) => Some(Topic::Alarm(alarms[index].name.clone())),
        List::Letters(rows) => Some(Topic::Letters(rows[index].queue.stage)),
        List::Events(events) => Some(Topic::Event(events[index].event_id.clone())),
        List::Services(services) => Some(Topic::Traces(services[index].name.clone())),
        List::Keyed(keys) => match state.pages.last().map(|page| (&page.topic, page.letters())) {
            Some((Topic::Letters(_), Some(letters))) => {
                letters.get(index).map(|letter| Topic::Letter(Box::new(letter.clone())))
            }
            _ => Some(Topic::Trace(keys[index].clone())),
        },
        List::None | List::Lines(_) => None,
    };
    topic.map(|topic| show_page(state, topic)).unwrap_or_default()
}

/// Opens a page and asks for what it needs.
pub fn show_page(state: &mut State, topic: Topic) -> Vec<Effect> {
    let page = Page::new(topic.clone());
    let effects = if page.loading { vec![Effect::Load(topic)] } else { Vec::new() };
    state.pages.push(page);
    effects
}

fn refresh(state: &mut State) -> Vec<Effect> {
    let mut effects = vec![Effect::Refresh];
    if let Some(page) = state.pages.last_mut().filter(|page| page.topic.needs_loading()) {
        page.loading = true;
        effects.push(Effect::Load(page.topic.clone()));
    }
    effects
}

/// Goes to where a finding is seen, and to its row there.
fn go_to_finding(state: &mut State, index: usize) {
    let Some(finding) = state.verdict.findings.get(index).cloned() else {
        state.say("nothing is wrong");
        return;
    };
    let panel = Panel::of_lint(finding.lint);
    focus(state, panel);
    let list = state.panel_list(panel);
    let row = (0..list.len()).find(|row| match &list {
        List::Alarms(alarms) => finding.message.starts_with(alarms[*row].name.as_str()),
        _ => finding.stage.is_some() && list.stage(*row) == finding.stage,
    });
    if let Some(key) = row.map(|row| list.key(row)) {
        let mut cursor = std::mem::take(&mut state.cursors[panel.number()]);
        cursor.find(&state.panel_list(panel), &key);
        state.cursors[panel.number()] = cursor;
    }
}

pub(super) fn focus(state: &mut State, panel: Panel) {
    state.pages.clear();
    state.focus = panel;
}

fn focus_by(state: &mut State, by: isize) {
    let count = Panel::ALL.len();
    let next = (state.focus.number() + count).saturating_add_signed(by) % count;
    focus(state, Panel::ALL[next]);
}

/// The panel to the left or right: alarms and latencies stand left, dead letters and events right.
fn beside(panel: Panel, by: isize) -> Panel {
    match (panel, by > 0) {
        (Panel::Alarms, true) => Panel::Letters,
        (Panel::Letters, false) => Panel::Alarms,
        (Panel::Latencies, true) => Panel::Events,
        (Panel::Events, false) => Panel::Latencies,
        _ => panel,
    }
}

fn step(state: &mut State, by: isize) {
    if let Some(Overlay::Help(scroll)) = &mut state.overlay {
        *scroll = scroll.saturating_add_signed(by).min(state.drawn.scroll_limit);
        return;
    }
    let mut cursor = std::mem::take(state.cursor_mut());
    let list = state.list();
    let is_list = !list.is_empty();
    cursor.step(&list, by);
    *state.cursor_mut() = cursor;
    let limit = state.drawn.scroll_limit;
    if let Some(page) = state.pages.last_mut().filter(|_| !is_list) {
        page.scroll = page.scroll.saturating_add_signed(by).min(limit);
    }
}

fn travel(state: &mut State, minutes: i64) -> Vec<Effect> {
    let from = state.shown_at();
    let to = from.checked_add(SignedDuration::from_mins(minutes)).unwrap_or(from);
    // A step that reaches now is live again.
    commands::show(state, Some(to).filter(|to| *to < state.now))
}

fn click(state: &mut State, mouse: MouseEvent) -> Vec<Effect> {
    if state.actions.dialog.is_some() {
        return match mouse.kind {
            MouseEventKind::ScrollDown => actions::act_on_dialog(state, Action::Down),
            MouseEventKind::ScrollUp => actions::act_on_dialog(state, Action::Up),
            _ => Vec::new(),
        };
    }
    let position = (mouse.column, mouse.row).into();
    match mouse.kind {
        MouseEventKind::ScrollDown => step(state, 3),
        MouseEventKind::ScrollUp => step(state, -3),
        MouseEventKind::Down(MouseButton::Left) => {
            let panel = state.drawn.panels.iter().find(|(_, area)| area.contains(position)).map(|(panel, _)| *panel);
            if let Some(panel) = panel.filter(|panel| *panel != state.focus && state.pages.is_empty()) {
                focus(state, panel);
                return Vec::new();
            }
            if let Some((area, first)) = state.drawn.list.filter(|(area, _)| area.contains(position)) {
                let row = first + usize::from(mouse.row - area.y);
                let list = state.list();
                if row < list.len() {
                    let again = state.cursor().position(&list) == Some(row);
                    let mut cursor = state.cursor().clone();
                    cursor.go(&list, row);
                    *state.cursor_mut() = cursor;
                    return if again { open(state) } else { Vec::new() };
                }
            }
        }
        _ => {}
    }
    Vec::new()
}
