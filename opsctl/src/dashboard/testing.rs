//! States and screens for tests.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use super::event::Event;
use super::state::State;
use super::theme::{Theme, ThemeName};
use super::update::update;
use super::view;
use crate::snapshot::{Snapshot, samples};
use crate::stack;

/// A state in which a snapshot was just read.
pub(crate) fn state(snapshot: Snapshot) -> State {
    let mut state = State::new(stack::samples::stack(), None, samples::now());
    state.read_only = Some("it shows only".to_owned());
    state.now = snapshot.taken_at;
    state.log.merge(snapshot.events.data.as_deref().unwrap_or_default());
    state.snapshot = snapshot;
    state.judge();
    state
}

/// Presses keys; a line's end is Enter.
pub(crate) fn press(state: &mut State, keys: &str) {
    for key in keys.chars() {
        let code = if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) };
        update(state, Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }
}

/// What is drawn of a state.
pub(crate) fn draw(state: &mut State, size: (u16, u16), theme: &Theme) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|frame| state.drawn = view::draw(state, frame, theme)).unwrap();
    terminal.backend().buffer().clone()
}

/// The same as text.
pub(crate) fn text(state: &mut State, size: (u16, u16)) -> String {
    let theme = Theme::new(ThemeName::Dark, false, None);
    lines(&draw(state, size, &theme))
}

/// The characters of a buffer, without spaces at the ends of lines.
pub(crate) fn lines(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let rows = buffer.content.chunks(width).map(|row| {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}
