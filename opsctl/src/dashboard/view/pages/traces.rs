//! The traces that a service has a part in, the latest first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::aws::traces::SpanStatus;
use crate::dashboard::pages::Page;
use crate::dashboard::state::{Drawn, State};
use crate::dashboard::theme::Theme;
use crate::dashboard::view::parts::{self, NOTHING, left, right, short_duration};

pub(super) fn draw(state: &State, page: &Page, area: Rect, buffer: &mut Buffer, theme: &Theme, drawn: &mut Drawn) {
    let traces = page.traces().unwrap_or_default();
    if traces.is_empty() {
        let text = " X-Ray sampled none within the last five minutes";
        return parts::draw_text(&[Line::styled(text, theme.dim)], area, buffer);
    }
    let heading = format!(" {:<14}{:>9}  {:<10} {:<12} event", "began (UTC)", "took", "went", "symbol");
    parts::draw_text(&[Line::styled(heading, theme.dim)], area, buffer);
    let area = parts::below(area, 1);
    let selected = page.cursor.position(&state.list());
    let width = usize::from(area.width);
    let first = parts::draw_list(area, buffer, theme, traces.len(), selected, |index| {
        let trace = &traces[index];
        let (mark, style) = status(trace.status, theme);
        let began = trace.started_at.map_or_else(|| NOTHING.to_owned(), |at| at.strftime("%T%.3f").to_string());
        let took = trace.duration_ms.map_or_else(|| NOTHING.to_owned(), short_duration);
        let event = trace.annotation("event_id").unwrap_or(&trace.id);
        Line::from(vec![
            Span::raw(left(&began, 14)),
            Span::raw(right(&took, 9)),
            Span::styled(format!("  {}", left(&format!("{mark} {}", trace.status.as_str()), 10)), style),
            Span::raw(format!(" {} ", left(trace.annotation("symbol").unwrap_or(NOTHING), 12))),
            Span::raw(parts::cut(event, width.saturating_sub(50))),
        ])
    });
    drawn.list = Some((area, first));
}

/// How a status is marked.
pub(super) fn status(status: SpanStatus, theme: &Theme) -> (&'static str, Style) {
    match status {
        SpanStatus::Ok => ("✓", theme.good),
        SpanStatus::Running => ("·", theme.dim),
        SpanStatus::Throttled => ("!", theme.warn),
        SpanStatus::Error | SpanStatus::Fault => ("✗", theme.bad),
    }
}
