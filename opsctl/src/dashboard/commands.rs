//! What can be typed after `:`. One table for what runs and what the help says.

use jiff::Timestamp;

use super::actions::{self, Dialog, Form, Leaving, Wanted};
use super::event::Effect;
use super::keys::Action;
use super::pages::Topic;
use super::rows::Panel;
use super::state::{Overlay, State};
use super::update::{act, focus, show_page};
use crate::redrive::Request;
use crate::snapshot::Snapshot;
use crate::stack::StageName;
use crate::when::When;

/// A command.
pub struct Command {
    /// Its name; so many of its first letters do as tell it from the others.
    pub name: &'static str,
    /// What stands behind the name.
    pub argument: &'static str,
    /// What it does.
    pub help: &'static str,
    run: fn(&mut State, &str) -> Vec<Effect>,
}

/// All of them.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "go",
        argument: "PANEL",
        help: "Go to verdict, pipeline, alarms, dead-letters, latencies or events",
        run: |state, argument| {
            match Panel::named(argument) {
                Some(panel) => focus(state, panel),
                None => state.complain(format!("there is no panel {argument:?}: try {}", panel_names())),
            }
            Vec::new()
        },
    },
    Command {
        name: "filter",
        argument: "TEXT",
        help: "Show only events like symbol:AAPL type:trade status:PROCESSED text; nothing shows all",
        run: |state, argument| {
            set_filter(state, argument);
            Vec::new()
        },
    },
    Command {
        name: "at",
        argument: "TIME",
        help: "Show how it was at 14:32 (UTC), 10m ago, 2026-11-22T14:32:00Z",
        run: |state, argument| match argument.parse::<When>() {
            Ok(when) => {
                let at = when.resolve(state.now);
                show(state, Some(at).filter(|at| *at < state.now))
            }
            Err(error) => {
                state.complain(error.to_string());
                Vec::new()
            }
        },
    },
    Command {
        name: "event",
        argument: "ID",
        help: "Show all that is known of an event",
        run: |state, argument| ask_for(state, argument, Topic::Event),
    },
    Command {
        name: "trace",
        argument: "ID",
        help: "Show a trace as a waterfall",
        run: |state, argument| ask_for(state, argument, Topic::Trace),
    },
    Command {
        name: "redrive",
        argument: "STAGE",
        help: "Send the stage's dead letters again; it asks first",
        run: |state, argument| match stage(state, argument) {
            Some(stage) => actions::want(state, Wanted::Redrive(Box::new(Request::new(vec![stage])))),
            None => Vec::new(),
        },
    },
    Command {
        name: "pause",
        argument: "STAGE",
        help: "Keep a stage from taking events; it asks first",
        run: |state, argument| match stage(state, argument) {
            Some(stage) => actions::want(state, Wanted::Pause(stage)),
            None => Vec::new(),
        },
    },
    Command {
        name: "resume",
        argument: "STAGE",
        help: "Let a paused stage take events again; it asks first",
        run: |state, argument| match stage(state, argument) {
            Some(stage) => actions::want(state, Wanted::Resume(stage)),
            None => Vec::new(),
        },
    },
    Command {
        name: "send-test-event",
        argument: "[SYMBOL PRICE TYPE]",
        help: "Send a test event; it asks first",
        run: |state, argument| {
            state.actions.dialog = Some(Dialog::Form(Box::new(Form::filled(argument))));
            if argument.is_empty() { Vec::new() } else { act(state, Action::Accept) }
        },
    },
    Command {
        name: "stop",
        argument: "",
        help: "Stop what is under way; the rest is given back",
        run: |state, _| act(state, Action::Stop),
    },
    Command {
        name: "result",
        argument: "",
        help: "Show again what came of the last redrive",
        run: |state, _| {
            if let Some(paper) = state.actions.last.clone() {
                return show_page(state, Topic::Report(paper));
            }
            state.complain("nothing was redriven from this screen yet; `opsctl journal list` has earlier runs");
            Vec::new()
        },
    },
    Command {
        name: "writes",
        argument: "",
        help: "What this screen may change, and how to allow it",
        run: |state, _| act(state, Action::WhyReadOnly),
    },
    Command { name: "live", argument: "", help: "Show now", run: |state, _| show(state, None) },
    Command {
        name: "refresh",
        argument: "",
        help: "Read everything again",
        run: |state, _| act(state, Action::Refresh),
    },
    Command {
        name: "export",
        argument: "",
        help: "Write the panel as JSON to a file",
        run: |state, _| act(state, Action::Export),
    },
    Command {
        name: "help",
        argument: "",
        help: "Keys and commands",
        run: |state, _| {
            state.overlay = Some(Overlay::Help(0));
            Vec::new()
        },
    },
    Command { name: "quit", argument: "", help: "Quit", run: |state, _| actions::leave(state, Leaving::Quit) },
];

/// Runs what was typed.
pub fn run(state: &mut State, line: &str) -> Vec<Effect> {
    let line = line.trim();
    let (name, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if name.is_empty() {
        return Vec::new();
    }
    // A panel's name alone goes there, unless it is a command's.
    let is_command = COMMANDS.iter().any(|command| command.name == name);
    if let Some(panel) = Panel::named(name).filter(|_| argument.is_empty() && name.len() > 2 && !is_command) {
        focus(state, panel);
        return Vec::new();
    }
    let mut found = COMMANDS.iter().filter(|command| command.name.starts_with(name));
    match (found.next(), found.next()) {
        (Some(command), None) => (command.run)(state, argument.trim()),
        (Some(_), Some(_)) => {
            state.complain(format!("{name:?} may be more than one command; `:help` lists them"));
            Vec::new()
        }
        (None, _) => {
            state.complain(format!("there is no command {name:?}; `:help` lists them"));
            Vec::new()
        }
    }
}

fn ask_for(state: &mut State, id: &str, topic: fn(String) -> Topic) -> Vec<Effect> {
    if id.is_empty() {
        state.complain("it wants an id behind it");
        return Vec::new();
    }
    show_page(state, topic(id.to_owned()))
}

/// Shows the events that pass; what is no filter is said and changes nothing.
pub fn set_filter(state: &mut State, text: &str) {
    match text.parse() {
        Ok(filter) => {
            state.filter = filter;
            focus(state, Panel::Events);
        }
        Err(error) => state.complain(error.to_string()),
    }
}

/// Shows another time; none is live.
pub fn show(state: &mut State, at: Option<Timestamp>) -> Vec<Effect> {
    if state.at == at {
        return Vec::new();
    }
    state.at = at;
    state.reading_since = state.now;
    // Nothing of another time may be taken for this one's.
    state.snapshot = Snapshot::empty(&state.stack, at.unwrap_or(state.now));
    state.snapshot.at = at;
    state.log.clear();
    state.pages.clear();
    state.judge();
    vec![Effect::Travel(at)]
}

/// The stage of that name, or of a name that begins so; else it says which there are.
fn stage(state: &mut State, name: &str) -> Option<StageName> {
    let found = StageName::ALL.into_iter().find(|stage| !name.is_empty() && stage.as_str().starts_with(name));
    if found.is_none() {
        state.complain(format!("there is no stage {name:?}: try {}", StageName::ALL.map(StageName::as_str).join(", ")));
    }
    found
}

fn panel_names() -> String {
    Panel::ALL.map(Panel::name).join(", ")
}
