//! The form of a test event.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::super::parts;
use crate::dashboard::actions::Form;
use crate::dashboard::state::State;
use crate::dashboard::theme::Theme;
use crate::human;

/// Columns of the names, and of what is typed.
const NAME: usize = 9;
const VALUE: usize = 34;

pub(super) fn draw(state: &State, form: &Form, area: Rect, buffer: &mut Buffer, theme: &Theme) -> Option<(u16, u16)> {
    let width = usize::from(area.width);
    let mut lines = vec![Line::raw(format!(" One event for {}, as a feed would send it.", state.stack.event_bus.name))];
    lines.push(Line::default());
    let first = lines.len();
    for (index, ((name, field), hint)) in Form::NAMES.iter().zip(&form.fields).zip(Form::HINTS).enumerate() {
        let is_focused = index == form.focus;
        let style = if is_focused { theme.selected } else { theme.heading };
        lines.push(Line::from(vec![
            Span::raw(if is_focused { "›" } else { " " }),
            Span::styled(parts::left(name, NAME), theme.dim),
            Span::styled(parts::left(field.value(), VALUE), style),
            Span::styled(parts::cut(&format!("  {hint}"), width.saturating_sub(NAME + VALUE + 1)), theme.dim),
        ]));
    }
    lines.push(Line::default());
    if let Some(error) = &form.error {
        for (index, line) in human::wrap(error, width.saturating_sub(4)).into_iter().enumerate() {
            let mark = if index == 0 { " ✗ " } else { "   " };
            lines.push(Line::from(vec![Span::styled(mark, theme.bad), Span::raw(line)]));
        }
    }
    lines.push(Line::styled(" Enter shows what would be sent; Tab goes to the next field.", theme.dim));
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let inner = super::framed("Send a test event", theme.heading, height, area, buffer);
    parts::draw_text(&lines, inner, buffer);
    let row = u16::try_from(first + form.focus).unwrap_or(u16::MAX);
    let typed = form.fields.get(form.focus)?.visual_cursor().min(VALUE);
    let column = u16::try_from(1 + NAME + typed).unwrap_or(u16::MAX);
    Some((inner.x.saturating_add(column), inner.y.saturating_add(row).min(inner.bottom().saturating_sub(1))))
}
