//! What the screen shows: a pure function of the state. One file a panel.

mod alarms;
mod curve;
mod dialogs;
mod events;
mod flow;
mod frame;
pub mod help;
mod latencies;
mod letters;
mod pages;
mod parts;
mod pipeline;
mod strip;
mod verdict;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Position, Rect};

use super::ascii;
use super::rows::Panel;
use super::state::{Drawn, Overlay, State};
use super::theme::Theme;

/// Columns and rows that the screen needs.
pub const MINIMUM: (u16, u16) = (80, 24);

/// Draws the screen; tells where things are on it.
pub fn draw(state: &State, frame: &mut Frame<'_>, theme: &Theme) -> Drawn {
    let area = frame.area();
    let mut drawn = Drawn::default();
    let buffer = frame.buffer_mut();
    let cursor = if area.width < MINIMUM.0 || area.height < MINIMUM.1 {
        frame::draw_too_small(area, buffer, theme, MINIMUM);
        None
    } else {
        draw_screen(state, area, buffer, theme, &mut drawn)
    };
    if theme.ascii {
        ascii::fold(buffer);
    }
    if let Some((x, y)) = cursor {
        frame.set_cursor_position(Position { x, y });
    }
    drawn
}

fn draw_screen(state: &State, area: Rect, buffer: &mut Buffer, theme: &Theme, drawn: &mut Drawn) -> Option<(u16, u16)> {
    let zoomed_verdict = state.zoom && state.focus == Panel::Verdict && state.pages.is_empty();
    let verdict_height = match area.height {
        // The headline, the worst finding, and what to do about it.
        0..34 => 3,
        34..50 => 5,
        _ => 7,
    };
    let heights = [
        Constraint::Length(1),
        Constraint::Length(verdict_height),
        Constraint::Fill(1),
        Constraint::Length(strip::height(state)),
        Constraint::Length(1),
    ];
    let [top, verdict_area, middle, strip_area, bottom] = area.layout(&Layout::vertical(heights));
    frame::draw_top(state, top, buffer, theme);
    if zoomed_verdict {
        verdict::draw_all(state, verdict_area.union(middle), buffer, theme);
    } else {
        verdict::draw(state, verdict_area, buffer, theme);
        drawn.panels.push((Panel::Verdict, verdict_area));
        draw_middle(state, middle, buffer, theme, drawn);
    }
    if let Some(Overlay::Help(scroll)) = &state.overlay {
        drawn.scroll_limit = help::draw(*scroll, verdict_area.union(middle), buffer, theme);
    }
    strip::draw(state, strip_area, buffer, theme);
    let typed = frame::draw_bottom(state, bottom, buffer, theme);
    match &state.actions.dialog {
        Some(dialog) => dialogs::draw(state, dialog, verdict_area.union(middle), buffer, theme, drawn),
        None => typed,
    }
}

/// The page on top, else the panel that has the whole screen, else all panels.
fn draw_middle(state: &State, area: Rect, buffer: &mut Buffer, theme: &Theme, drawn: &mut Drawn) {
    if let Some(page) = state.pages.last() {
        return pages::draw(state, page, area, buffer, theme, drawn);
    }
    if state.zoom && state.focus != Panel::Verdict {
        return draw_panel(state, state.focus, area, buffer, theme, drawn);
    }
    let [pipeline_area, lists] =
        area.layout(&Layout::vertical([Constraint::Length(pipeline::HEIGHT), Constraint::Fill(1)]));
    draw_panel(state, Panel::Pipeline, pipeline_area, buffer, theme, drawn);
    let [upper, lower] = lists.layout(&Layout::vertical([Constraint::Fill(1); 2]));
    for (row, panels) in [(upper, [Panel::Alarms, Panel::Letters]), (lower, [Panel::Latencies, Panel::Events])] {
        let [left, right] = row.layout(&Layout::horizontal([Constraint::Fill(1); 2]).spacing(1));
        draw_panel(state, panels[0], left, buffer, theme, drawn);
        draw_panel(state, panels[1], right, buffer, theme, drawn);
    }
}

fn draw_panel(state: &State, panel: Panel, area: Rect, buffer: &mut Buffer, theme: &Theme, drawn: &mut Drawn) {
    let focused = state.focus == panel;
    let (rows, first) = match panel {
        Panel::Verdict => {
            verdict::draw(state, area, buffer, theme);
            (area, 0)
        }
        Panel::Pipeline => (pipeline::draw(state, area, buffer, theme, focused), 0),
        Panel::Alarms => alarms::draw(state, area, buffer, theme, focused),
        Panel::Letters => letters::draw(state, area, buffer, theme, focused),
        Panel::Latencies => latencies::draw(state, area, buffer, theme, focused),
        Panel::Events => events::draw(state, area, buffer, theme, focused),
    };
    drawn.panels.push((panel, area));
    if focused {
        drawn.list = Some((rows, first));
    }
}

#[cfg(test)]
mod scene_tests;
#[cfg(test)]
mod tests;
