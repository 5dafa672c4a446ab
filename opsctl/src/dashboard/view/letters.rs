//! The dead letters: each queue with its depth and oldest letter, and below it why they are there.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::parts::{self, Title, left, right};
use crate::aws::dead_letters::Origin;
use crate::dashboard::rows::{LetterRow, List, Panel};
use crate::dashboard::state::State;
use crate::dashboard::theme::Theme;
use crate::snapshot::SourceName;

/// Draws them; returns where the rows are and the index of the first.
pub(super) fn draw(state: &State, area: Rect, buffer: &mut Buffer, theme: &Theme, focused: bool) -> (Rect, usize) {
    let source = &state.snapshot.dead_letters;
    let total = source.data.as_ref().map(|queues| queues.iter().map(|queue| queue.depth).sum::<u64>());
    let total = total.map(|total| format!(": {total}")).unwrap_or_default();
    let note = parts::note(state, source, Some(SourceName::DeadLetters), theme);
    let area = Title { text: format!("3 Dead letters{total}"), note, focused }.draw(area, buffer, theme);
    if source.data.is_none() {
        parts::draw_missing(source, area, buffer, theme);
        return (area, 0);
    }
    let List::Letters(rows) = state.panel_list(Panel::Letters) else { return (area, 0) };
    if rows.is_empty() {
        parts::draw_text(&[Line::styled(" ✓ none waiting", theme.good)], area, buffer);
        return (area, 0);
    }
    let selected = state.selected(Panel::Letters).filter(|_| focused);
    let width = usize::from(area.width);
    let first =
        parts::draw_list(area, buffer, theme, rows.len(), selected, |index| row(state, rows[index], width, theme));
    (area, first)
}

fn row<'a>(state: &State, row: LetterRow<'_>, width: usize, theme: &Theme) -> Line<'a> {
    let LetterRow { queue, cause } = row;
    if let Some(cause) = cause {
        let words = if cause.example.is_empty() { "no message" } else { &cause.example };
        let text = format!("{} {}: {words}", origin(cause.origin), cause.code);
        return Line::from(vec![
            Span::raw(format!("{:>8} × ", cause.count)),
            Span::raw(parts::cut(&text, width.saturating_sub(12))),
        ]);
    }
    let oldest = queue.oldest.map(|oldest| format!("oldest {}", parts::elapsed(oldest, state.shown_at())));
    let mut details: Vec<String> = oldest.into_iter().collect();
    if queue.in_flight > 0 {
        details.push(format!("{} taken out", queue.in_flight));
    }
    if queue.sampled > 0 && (queue.sampled as u64) < queue.depth {
        details.push(format!("{} looked at", queue.sampled));
    }
    let style = if queue.depth > 0 { theme.bad } else { theme.warn };
    Line::from(vec![
        Span::styled(left(queue.stage.as_str(), 13), style),
        Span::styled(right(&queue.depth.to_string(), 7), style),
        Span::raw(format!("  {}", parts::cut(&details.join(", "), width.saturating_sub(23)))),
    ])
}

/// How a letter came there, in a word.
pub(super) fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Rejected => "rejected",
        Origin::Lambda => "gave up",
        Origin::EventBridge => "undelivered",
        Origin::Unknown => "unknown",
    }
}
