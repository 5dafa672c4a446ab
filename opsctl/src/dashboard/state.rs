//! All that the dashboard knows, and all that a person has done to it. Pure: no IO, no clock.

use jiff::Timestamp;
use ratatui::layout::Rect;
use tui_input::Input;

use super::actions::Actions;
use super::cursor::{Cursor, Rows};
use super::keys::Scope;
use super::log::EventLog;
use super::pages::{Page, Topic};
use super::polling::Polling;
use super::rows::{List, Panel, alarms, letters};
use crate::aws::events::StoredEvent;
use crate::filter::Filter;
use crate::snapshot::{Remedy, Snapshot, Verdict, judge};
use crate::stack::Stack;

/// The state.
#[derive(Debug, Clone)]
pub struct State {
    /// The stack.
    pub stack: Stack,
    /// What stands in for AWS, if anything does.
    pub endpoint: Option<String>,
    /// Why nothing may be changed; none when it may.
    pub read_only: Option<String>,
    /// How often AWS is asked, and what that costs.
    pub polling: Polling,
    /// What is known of the stack.
    pub snapshot: Snapshot,
    /// What that means.
    pub verdict: Verdict,
    /// The events that were seen.
    pub log: EventLog,
    /// Now.
    pub now: Timestamp,
    /// The past time that is shown; none is live.
    pub at: Option<Timestamp>,
    /// When that was begun to be read.
    pub reading_since: Timestamp,
    /// The panel that has the focus.
    pub focus: Panel,
    /// Whether that panel has the whole screen.
    pub zoom: bool,
    /// The selected row of each panel.
    pub cursors: [Cursor; Panel::ALL.len()],
    /// What was looked into, the last on top.
    pub pages: Vec<Page>,
    /// What lies over all of it.
    pub overlay: Option<Overlay>,
    /// What the person changes: marks, what is asked, what goes on.
    pub actions: Actions,
    /// Which events are shown.
    pub filter: Filter,
    /// What was last said to the person.
    pub toast: Option<Toast>,
    /// Where things were drawn last.
    pub drawn: Drawn,
}

/// What lies over the screen and has the keys.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// The help, from this line on.
    Help(usize),
    /// A line to type in.
    Prompt(Prompt, Input),
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// A command, after `:`.
    Command,
    /// A filter, after `/`.
    Filter,
}

/// Something said to the person for a few seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// What.
    pub text: String,
    /// Whether something went wrong.
    pub is_error: bool,
    /// When it was said.
    pub at: Timestamp,
}

/// Where things were drawn last: what the mouse points at, and how far text can be scrolled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drawn {
    /// The panels that are on the screen.
    pub panels: Vec<(Panel, Rect)>,
    /// Rows of the list that has the focus: where, and the index of the first.
    pub list: Option<(Rect, usize)>,
    /// How far text can be scrolled.
    pub scroll_limit: usize,
}

impl State {
    /// Nothing is known yet.
    pub fn new(stack: Stack, endpoint: Option<String>, now: Timestamp) -> Self {
        let snapshot = Snapshot::empty(&stack, now);
        Self {
            verdict: judge(&snapshot),
            stack,
            endpoint,
            read_only: None,
            polling: Polling::default(),
            snapshot,
            log: EventLog::default(),
            now,
            at: None,
            reading_since: now,
            focus: Panel::Verdict,
            zoom: false,
            cursors: Default::default(),
            pages: Vec::new(),
            overlay: None,
            actions: Actions::default(),
            filter: Filter::default(),
            toast: None,
            drawn: Drawn::default(),
        }
    }

    /// The time that everything on the screen is about.
    pub fn shown_at(&self) -> Timestamp {
        self.at.unwrap_or(self.now)
    }

    /// Where keys are looked up, what is special first in the table.
    pub fn scopes(&self) -> Vec<Scope> {
        if let Some(scopes) = self.actions.scopes() {
            return scopes;
        }
        match &self.overlay {
            Some(Overlay::Help(_)) => return vec![Scope::Help, Scope::Always],
            Some(Overlay::Prompt(..)) => return vec![Scope::Text, Scope::Always],
            None => {}
        }
        let mut scopes = vec![Scope::Screen, Scope::Always];
        if self.actions.leaving.is_some() {
            scopes.push(Scope::Leaving);
        }
        if self.actions.work.as_ref().is_some_and(|work| work.is_busy() && !work.stopping) {
            scopes.push(Scope::Busy);
        }
        let list = self.list();
        if !list.is_empty() {
            scopes.push(Scope::List);
        }
        match self.pages.last() {
            Some(page) => {
                scopes.push(Scope::Page);
                match page.topic {
                    Topic::Event(_) => scopes.push(Scope::Event),
                    Topic::Letters(_) => scopes.extend([Scope::Marks, Scope::Redrivable]),
                    Topic::Letter(_) => scopes.push(Scope::Redrivable),
                    Topic::Stage(_) => scopes.extend([Scope::Stage, Scope::Redrivable]),
                    _ => {}
                }
            }
            None => match self.focus {
                Panel::Events => scopes.push(Scope::Events),
                Panel::Letters => scopes.push(Scope::Redrivable),
                Panel::Pipeline => scopes.extend([Scope::Stage, Scope::Redrivable]),
                Panel::Verdict => match self.selected(Panel::Verdict).map(|index| &self.verdict.findings[index].remedy)
                {
                    Some(Some(Remedy::Redrive(_))) => scopes.push(Scope::Redrivable),
                    Some(Some(Remedy::Resume(_))) => scopes.push(Scope::Stage),
                    _ => {}
                },
                Panel::Alarms | Panel::Latencies => {}
            },
        }
        scopes
    }

    /// The list that the keys act on.
    pub fn list(&self) -> List<'_> {
        match self.pages.last() {
            Some(page) => match &page.topic {
                Topic::Letters(_) => {
                    let letters = page.letters().unwrap_or_default();
                    List::Keyed(letters.iter().map(|letter| letter.message_id.clone()).collect())
                }
                Topic::Traces(_) => {
                    List::Keyed(page.traces().unwrap_or_default().iter().map(|trace| trace.id.clone()).collect())
                }
                _ => List::None,
            },
            None => self.panel_list(self.focus),
        }
    }

    /// The list of a panel.
    pub fn panel_list(&self, panel: Panel) -> List<'_> {
        match panel {
            Panel::Verdict => List::Findings(&self.verdict.findings),
            Panel::Pipeline => List::Stages,
            Panel::Alarms => List::Alarms(alarms(self.snapshot.alarms.data.as_deref().unwrap_or_default())),
            Panel::Letters => List::Letters(letters(self.snapshot.dead_letters.data.as_deref().unwrap_or_default())),
            Panel::Latencies => List::Services(self.snapshot.latencies.data.as_deref().unwrap_or_default()),
            Panel::Events => List::Events(self.events()),
        }
    }

    /// The events that the filter lets through, the latest first.
    pub fn events(&self) -> Vec<&StoredEvent> {
        self.log.events().iter().filter(|event| self.filter.matches(event)).collect()
    }

    /// The cursor of the list that the keys act on.
    pub fn cursor(&self) -> &Cursor {
        match self.pages.last() {
            Some(page) => &page.cursor,
            None => &self.cursors[self.focus.number()],
        }
    }

    /// The same, to move it.
    pub fn cursor_mut(&mut self) -> &mut Cursor {
        match self.pages.last_mut() {
            Some(page) => &mut page.cursor,
            None => &mut self.cursors[self.focus.number()],
        }
    }

    /// The selected row of a panel.
    pub fn selected(&self, panel: Panel) -> Option<usize> {
        self.cursors[panel.number()].position(&self.panel_list(panel))
    }

    /// Judges the snapshot again as of now. Data that grow old change the verdict as much as new data do.
    pub fn judge(&mut self) {
        self.snapshot.taken_at = self.shown_at();
        self.verdict = judge(&self.snapshot);
    }

    /// Says something to the person.
    pub fn say(&mut self, text: impl Into<String>) {
        self.toast = Some(Toast { text: text.into(), is_error: false, at: self.now });
    }

    /// Says that something went wrong.
    pub fn complain(&mut self, text: impl Into<String>) {
        self.toast = Some(Toast { text: text.into(), is_error: true, at: self.now });
    }
}
