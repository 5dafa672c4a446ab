//! The one table of keys. What a key does, what the help says of it and what the footer hints at all come from here.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key, perhaps held with Ctrl. Shift is part of the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// The key.
    pub code: KeyCode,
    /// Whether Ctrl is held.
    pub ctrl: bool,
}

/// Where on the screen a binding holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Whatever is shown.
    Always,
    /// No text is typed and nothing lies over the screen.
    Screen,
    /// A list has the focus.
    List,
    /// The recent events.
    Events,
    /// The page of one event.
    Event,
    /// A page is open above the panels.
    Page,
    /// The letters of a queue, which can be marked.
    Marks,
    /// Something that dead letters can be sent again from: a letter, a cause, a queue, a stage.
    Redrivable,
    /// A stage, which can be paused.
    Stage,
    /// Something is under way.
    Busy,
    /// The program ends as soon as nothing is under way any more.
    Leaving,
    /// What a preview needs is being read.
    Reading,
    /// A preview, and its question.
    Confirm,
    /// A form.
    Form,
    /// Something to read and to close.
    Notice,
    /// A question that one key answers.
    Offer,
    /// Text is typed: a filter, a command, an answer.
    Text,
    /// Help is shown.
    Help,
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table below says of each what it does")]
pub enum Action {
    Quit,
    Suspend,
    Redraw,
    Help,
    Back,
    Open,
    Trace,
    Worst,
    NextPanel,
    PreviousPanel,
    Left,
    Right,
    Panel(u8),
    Zoom,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Filter,
    Command,
    Pause,
    Faster,
    Slower,
    Refresh,
    Copy,
    Link,
    Export,
    Earlier,
    Later,
    MuchEarlier,
    MuchLater,
    Live,
    Accept,
    Cancel,
    Mark,
    MarkAll,
    MarkNone,
    MarkCause,
    Redrive,
    RedriveQueue,
    SwitchStage,
    Stop,
    WithRejected,
    Force,
    WhyReadOnly,
    TestEvent,
    NextField,
    PreviousField,
}

/// Keys with their action.
#[derive(Debug)]
pub struct Binding {
    /// Any of them.
    pub keys: &'static [Key],
    /// Where they hold.
    pub scope: Scope,
    /// What they do.
    pub action: Action,
    /// The same in words, for the help.
    pub help: &'static str,
    /// A word for the footer; none keeps it out of there.
    pub hint: Option<&'static str>,
}

const fn key(character: char) -> Key {
    Key { code: KeyCode::Char(character), ctrl: false }
}

const fn ctrl(character: char) -> Key {
    Key { code: KeyCode::Char(character), ctrl: true }
}

const fn named(code: KeyCode) -> Key {
    Key { code, ctrl: false }
}

const fn binding(
    keys: &'static [Key],
    scope: Scope,
    action: Action,
    hint: Option<&'static str>,
    help: &'static str,
) -> Binding {
    Binding { keys, scope, action, help, hint }
}

/// The table. The first that fits wins, so what is special stands before what is general.
pub const TABLE: &[Binding] = &[
    // A change that is asked about.
    binding(
        &[named(KeyCode::Esc), key('q'), ctrl('c')],
        Scope::Reading,
        Action::Cancel,
        Some("give it up"),
        "Give up reading; nothing is changed",
    ),
    binding(&[ctrl('r')], Scope::Confirm, Action::WithRejected, None, "Redrive what was rejected for good too, or not"),
    binding(&[ctrl('f')], Scope::Confirm, Action::Force, None, "Redrive what came back too often too, or not"),
    binding(&[named(KeyCode::Down)], Scope::Confirm, Action::Down, None, "Further down in the preview"),
    binding(&[named(KeyCode::Up)], Scope::Confirm, Action::Up, None, "Further up in the preview"),
    binding(&[named(KeyCode::PageDown)], Scope::Confirm, Action::PageDown, None, "Ten lines down in the preview"),
    binding(&[named(KeyCode::PageUp)], Scope::Confirm, Action::PageUp, None, "Ten lines up in the preview"),
    binding(
        &[named(KeyCode::Tab), named(KeyCode::Down)],
        Scope::Form,
        Action::NextField,
        Some("next field"),
        "Next field",
    ),
    binding(&[named(KeyCode::BackTab), named(KeyCode::Up)], Scope::Form, Action::PreviousField, None, "Previous field"),
    binding(
        &[named(KeyCode::Enter), named(KeyCode::Esc), key('q'), ctrl('c')],
        Scope::Notice,
        Action::Back,
        Some("close"),
        "Close what was said",
    ),
    binding(&[key('y')], Scope::Offer, Action::Accept, Some("yes, show me"), "Yes: show what would be done"),
    binding(
        &[named(KeyCode::Esc), key('n'), key('q'), named(KeyCode::Enter), ctrl('c')],
        Scope::Offer,
        Action::Cancel,
        Some("not now"),
        "Not now",
    ),
    // While something is under way.
    binding(
        &[key('q'), ctrl('c')],
        Scope::Leaving,
        Action::Quit,
        Some("quit at once"),
        "Quit at once: do not wait for what is under way",
    ),
    binding(&[key('x')], Scope::Busy, Action::Stop, Some("stop it"), "Stop what is under way; the rest is given back"),
    // Typing.
    binding(&[named(KeyCode::Enter)], Scope::Text, Action::Accept, Some("accept"), "Accept what was typed"),
    binding(&[named(KeyCode::Esc), ctrl('c')], Scope::Text, Action::Cancel, Some("cancel"), "Cancel, changing nothing"),
    // Help.
    binding(
        &[named(KeyCode::Esc), key('q'), key('?'), named(KeyCode::Enter), ctrl('c')],
        Scope::Help,
        Action::Back,
        Some("close"),
        "Close the help",
    ),
    binding(&[named(KeyCode::Down), key('j')], Scope::Help, Action::Down, Some("down"), "Further down in the help"),
    binding(&[named(KeyCode::Up), key('k')], Scope::Help, Action::Up, None, "Further up in the help"),
    // What the selected thing can do.
    binding(
        &[key('r')],
        Scope::Redrivable,
        Action::Redrive,
        Some("redrive"),
        "Redrive what is marked, else the selected row",
    ),
    binding(&[key(' ')], Scope::Marks, Action::Mark, Some("mark"), "Mark the letter, or take its mark away"),
    binding(&[key('a')], Scope::Marks, Action::MarkAll, Some("all"), "Mark all letters that are shown"),
    binding(&[key('n')], Scope::Marks, Action::MarkNone, Some("none"), "Take away all marks of the queue"),
    binding(&[key('c')], Scope::Marks, Action::MarkCause, Some("cause"), "Mark those of the selected letter's cause"),
    binding(&[key('A')], Scope::Marks, Action::RedriveQueue, None, "Redrive the whole queue, shown here or not"),
    binding(
        &[key('P')],
        Scope::Stage,
        Action::SwitchStage,
        Some("pause/resume"),
        "Pause the stage, or let it take events again",
    ),
    binding(&[named(KeyCode::Enter)], Scope::List, Action::Open, Some("open"), "Look into the selected row"),
    binding(
        &[named(KeyCode::Esc), named(KeyCode::Backspace), key('q'), named(KeyCode::Left), key('h')],
        Scope::Page,
        Action::Back,
        Some("back"),
        "Back to where you came from",
    ),
    binding(
        &[key('/')],
        Scope::Events,
        Action::Filter,
        Some("filter"),
        "Filter the events: symbol:AAPL type:trade text",
    ),
    binding(&[key('t')], Scope::Event, Action::Trace, Some("trace"), "The trace of this event"),
    // Moving.
    binding(&[named(KeyCode::Down), key('j')], Scope::Screen, Action::Down, None, "Next row"),
    binding(&[named(KeyCode::Up), key('k')], Scope::Screen, Action::Up, None, "Previous row"),
    binding(&[named(KeyCode::PageDown), ctrl('f')], Scope::Screen, Action::PageDown, None, "Ten rows down"),
    binding(&[named(KeyCode::PageUp), ctrl('b')], Scope::Screen, Action::PageUp, None, "Ten rows up"),
    binding(&[named(KeyCode::Home), key('g')], Scope::Screen, Action::Top, None, "First row"),
    binding(&[named(KeyCode::End), key('G')], Scope::Screen, Action::Bottom, None, "Last row"),
    binding(&[named(KeyCode::Tab)], Scope::Screen, Action::NextPanel, Some("panel"), "Next panel"),
    binding(&[named(KeyCode::BackTab)], Scope::Screen, Action::PreviousPanel, None, "Previous panel"),
    binding(&[named(KeyCode::Right), key('l')], Scope::Screen, Action::Right, None, "Panel to the right"),
    binding(&[named(KeyCode::Left), key('h')], Scope::Screen, Action::Left, None, "Panel to the left"),
    binding(&[key('0')], Scope::Screen, Action::Panel(0), None, "The verdict"),
    binding(&[key('1')], Scope::Screen, Action::Panel(1), None, "The pipeline"),
    binding(&[key('2')], Scope::Screen, Action::Panel(2), None, "The alarms"),
    binding(&[key('3')], Scope::Screen, Action::Panel(3), None, "The dead letters"),
    binding(&[key('4')], Scope::Screen, Action::Panel(4), None, "The latencies"),
    binding(&[key('5')], Scope::Screen, Action::Panel(5), None, "The recent events"),
    binding(&[key('w')], Scope::Screen, Action::Worst, None, "Go to what is worst"),
    binding(&[key('z')], Scope::Screen, Action::Zoom, Some("zoom"), "Panel to the full screen, and back"),
    // Time.
    binding(&[key('[')], Scope::Screen, Action::Earlier, None, "A minute into the past"),
    binding(&[key(']')], Scope::Screen, Action::Later, None, "A minute towards now"),
    binding(&[key('{')], Scope::Screen, Action::MuchEarlier, None, "Fifteen minutes into the past"),
    binding(&[key('}')], Scope::Screen, Action::MuchLater, None, "Fifteen minutes towards now"),
    binding(&[key('L')], Scope::Screen, Action::Live, None, "Live again"),
    binding(&[key('p'), key(' ')], Scope::Screen, Action::Pause, Some("freeze"), "Freeze the screen, and go on"),
    binding(&[key('R')], Scope::Screen, Action::Refresh, None, "Read everything again now"),
    binding(&[key('+'), key('=')], Scope::Screen, Action::Faster, None, "Read twice as often"),
    binding(&[key('-')], Scope::Screen, Action::Slower, None, "Read half as often"),
    // Taking along.
    binding(&[key('y')], Scope::Screen, Action::Copy, None, "Copy what is selected (OSC 52)"),
    binding(&[key('o')], Scope::Screen, Action::Link, None, "Show and copy the AWS console's address of it"),
    binding(&[key('e')], Scope::Screen, Action::Export, None, "Write the panel as JSON to a file"),
    // The program.
    binding(&[key('s')], Scope::Screen, Action::TestEvent, None, "Send a test event; it asks first"),
    binding(&[key('W')], Scope::Screen, Action::WhyReadOnly, None, "What this screen may change, and how to allow it"),
    binding(&[key(':')], Scope::Screen, Action::Command, None, "Type a command; `:help` lists them"),
    binding(&[key('?'), named(KeyCode::F(1))], Scope::Screen, Action::Help, Some("help"), "This help"),
    binding(&[ctrl('l')], Scope::Always, Action::Redraw, None, "Draw everything anew"),
    binding(&[ctrl('z')], Scope::Always, Action::Suspend, None, "Suspend; `fg` in the shell comes back"),
    binding(&[key('q'), ctrl('c')], Scope::Screen, Action::Quit, Some("quit"), "Quit"),
];

/// The action of a key where `scopes` hold.
pub fn action(event: KeyEvent, scopes: &[Scope]) -> Option<Action> {
    let pressed = Key::of(event);
    TABLE
        .iter()
        .find(|binding| scopes.contains(&binding.scope) && binding.keys.contains(&pressed))
        .map(|binding| binding.action)
}

impl Key {
    /// The key of an event.
    pub fn of(event: KeyEvent) -> Self {
        Self { code: event.code, ctrl: event.modifiers.contains(KeyModifiers::CONTROL) }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            formatter.write_str("Ctrl-")?;
        }
        match self.code {
            KeyCode::Char(' ') => formatter.write_str("Space"),
            KeyCode::Char(character) if self.ctrl => write!(formatter, "{}", character.to_ascii_uppercase()),
            KeyCode::Char(character) => write!(formatter, "{character}"),
            KeyCode::BackTab => formatter.write_str("Shift-Tab"),
            KeyCode::Enter => formatter.write_str("Enter"),
            KeyCode::Backspace => formatter.write_str("Backspace"),
            KeyCode::PageUp => formatter.write_str("PgUp"),
            KeyCode::PageDown => formatter.write_str("PgDn"),
            KeyCode::F(number) => write!(formatter, "F{number}"),
            code => write!(formatter, "{code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPES: [Scope; 18] = [
        Scope::Always,
        Scope::Screen,
        Scope::List,
        Scope::Events,
        Scope::Event,
        Scope::Page,
        Scope::Marks,
        Scope::Redrivable,
        Scope::Stage,
        Scope::Busy,
        Scope::Leaving,
        Scope::Reading,
        Scope::Confirm,
        Scope::Form,
        Scope::Notice,
        Scope::Offer,
        Scope::Text,
        Scope::Help,
    ];

    #[test]
    fn a_key_means_one_thing_in_a_scope() {
        for scope in SCOPES {
            let mut seen = Vec::new();
            for binding in TABLE.iter().filter(|binding| binding.scope == scope) {
                for key in binding.keys {
                    assert!(!seen.contains(key), "{key} has two meanings in {scope:?}");
                    seen.push(*key);
                }
            }
        }
    }

    #[test]
    fn what_is_special_wins() {
        let press = |character| KeyEvent::new(KeyCode::Char(character), KeyModifiers::NONE);
        assert_eq!(action(press('q'), &[Scope::Screen, Scope::Always]), Some(Action::Quit));
        assert_eq!(action(press('q'), &[Scope::Page, Scope::Screen, Scope::Always]), Some(Action::Back));
        assert_eq!(action(press('q'), &[Scope::Text, Scope::Always]), None, "it is typed");
    }

    #[test]
    fn keys_have_names() {
        let names =
            [key('j'), ctrl('c'), named(KeyCode::BackTab), named(KeyCode::F(1)), key(' ')].map(|key| key.to_string());
        assert_eq!(names, ["j", "Ctrl-C", "Shift-Tab", "F1", "Space"]);
    }
}
