//! Latencies as X-Ray has them: functions and what they call.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::curve;
use super::parts::{self, NOTHING, Title, left, right, short_duration, unless_zero};
use crate::aws::latencies::ServiceLatency;
use crate::dashboard::rows::Panel;
use crate::dashboard::state::State;
use crate::dashboard::theme::Theme;
use crate::snapshot::SourceName;
use crate::stack::Stack;

/// Draws them; returns where the rows are and the index of the first.
pub(super) fn draw(state: &State, area: Rect, buffer: &mut Buffer, theme: &Theme, focused: bool) -> (Rect, usize) {
    let source = &state.snapshot.latencies;
    let note = parts::note(state, source, Some(SourceName::Latencies), theme);
    let area = Title { text: "4 Latencies (X-Ray)".to_owned(), note, focused }.draw(area, buffer, theme);
    let Some(services) = &source.data else {
        parts::draw_missing(source, area, buffer, theme);
        return (area, 0);
    };
    if services.is_empty() {
        parts::draw_text(&[Line::styled(" no traces in this time", theme.dim)], area, buffer);
        return (area, 0);
    }
    let columns = Columns::fitting(usize::from(area.width));
    parts::draw_text(&[heading(columns, theme)], area, buffer);
    let rows = parts::below(area, 1);
    let selected = state.selected(Panel::Latencies).filter(|_| focused);
    let first = parts::draw_list(rows, buffer, theme, services.len(), selected, |index| {
        row(&services[index], &state.stack, columns, theme)
    });
    (rows, first)
}

#[derive(Clone, Copy)]
struct Columns {
    name: usize,
    counts: bool,
    /// Slices of the trend of p99; none where there is no room.
    trend: usize,
}

impl Columns {
    fn fitting(width: usize) -> Self {
        let counts = width >= 60;
        let numbers = 3 * 7 + if counts { 2 * 8 } else { 0 };
        let trend = if width.saturating_sub(numbers) >= 24 + 17 { 16 } else { 0 };
        Self { name: width.saturating_sub(numbers + trend + 3).min(40), counts, trend }
    }
}

fn heading<'a>(columns: Columns, theme: &Theme) -> Line<'a> {
    let counts = if columns.counts { format!("{:>8}{:>8}", "traced", "faults") } else { String::new() };
    let trend = if columns.trend > 0 { "  p99 by minute" } else { "" };
    let text = format!(" {}{counts}{:>7}{:>7}{:>7}{trend}", left("", columns.name), "p50", "p95", "p99");
    Line::styled(text, theme.dim)
}

/// The name; of the stack's functions the stage where there is no room for one of them.
fn name<'a>(service: &'a ServiceLatency, stack: &'a Stack, width: usize) -> &'a str {
    if stack.stages.iter().all(|(_, stage)| stage.function_name.len() <= width) {
        return &service.name;
    }
    let stage = stack.stages.iter().find(|(_, stage)| stage.function_name == service.name);
    stage.map_or(&service.name, |(name, _)| name.as_str())
}

fn row<'a>(service: &ServiceLatency, stack: &Stack, columns: Columns, theme: &Theme) -> Line<'a> {
    let cell = |value: Option<f64>| right(&value.map_or_else(|| NOTHING.to_owned(), short_duration), 7);
    let latency = service.latency;
    let mut line = Line::from(left(name(service, stack, columns.name), columns.name));
    if columns.counts {
        let faults = service.faults.to_string();
        line.push_span(Span::raw(right(&service.count.to_string(), 8)));
        line.push_span(Span::styled(right(&faults, 8), unless_zero(&faults, theme.bad)));
    }
    line.push_span(Span::raw(cell(latency.map(|latency| latency.p50_ms))));
    line.push_span(Span::raw(cell(latency.map(|latency| latency.p95_ms))));
    line.push_span(Span::styled(cell(latency.map(|latency| latency.p99_ms)), theme.heading));
    if columns.trend > 0 {
        let values: Vec<Option<f64>> = service.trend.iter().map(|point| Some(point.latency.p99_ms)).collect();
        line.push_span(Span::styled(format!(" {}", curve::bars(&values, columns.trend - 1)), theme.accent));
    }
    line
}
