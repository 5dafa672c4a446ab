//! Something to read and to close.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::dashboard::actions::Notice;
use crate::dashboard::theme::Theme;
use crate::human;

pub(super) fn draw(notice: &Notice, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let width = usize::from(area.width).saturating_sub(4);
    let (mark, style) = if notice.is_error { ("✗", theme.bad) } else { ("·", theme.accent) };
    let mut lines = Vec::new();
    for (index, line) in human::wrap(&notice.complaint.message, width).into_iter().enumerate() {
        let mark = if index == 0 { mark } else { " " };
        lines.push(Line::from(vec![Span::styled(format!(" {mark} "), style), Span::raw(line)]));
    }
    for cause in &notice.complaint.causes {
        lines.extend(human::wrap(cause, width).into_iter().map(|line| Line::styled(format!("   {line}"), theme.dim)));
    }
    if let Some(help) = &notice.complaint.help {
        lines.push(Line::default());
        for (index, line) in human::wrap(help, width).into_iter().enumerate() {
            let mark = if index == 0 { "→" } else { " " };
            lines.push(Line::styled(format!(" {mark} {line}"), theme.accent));
        }
    }
    super::boxed(notice.title, &lines, area, buffer, theme);
}
