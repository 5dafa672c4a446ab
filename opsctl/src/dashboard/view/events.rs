//! The recent events, the latest first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::parts::{self, NOTHING, Title, left, right};
use crate::aws::events::StoredEvent;
use crate::dashboard::rows::Panel;
use crate::dashboard::state::State;
use crate::dashboard::theme::Theme;
use crate::snapshot::SourceName;

/// Draws them; returns where the rows are and the index of the first.
pub(super) fn draw(state: &State, area: Rect, buffer: &mut Buffer, theme: &Theme, focused: bool) -> (Rect, usize) {
    let source = &state.snapshot.events;
    let events = state.events();
    let mut text = "5 Events".to_owned();
    if !state.filter.is_empty() {
        text = format!("{text} {}: {} of {}", state.filter, events.len(), state.log.events().len());
    }
    let mut note = Vec::new();
    if let Some(held) = state.log.held() {
        note.push(Span::styled(format!("HELD, {held} new"), theme.alert));
        note.push(Span::raw(" "));
    }
    note.extend(parts::note(state, source, Some(SourceName::Events), theme));
    let area = Title { text, note, focused }.draw(area, buffer, theme);
    if source.data.is_none() && events.is_empty() {
        parts::draw_missing(source, area, buffer, theme);
        return (area, 0);
    }
    if events.is_empty() {
        let text = if state.filter.is_empty() { " none stored" } else { " none that the filter lets through" };
        parts::draw_text(&[Line::styled(text, theme.dim)], area, buffer);
        return (area, 0);
    }
    let selected = state.selected(Panel::Events).filter(|_| focused);
    let width = usize::from(area.width);
    let first = parts::draw_list(area, buffer, theme, events.len(), selected, |index| row(events[index], width, theme));
    (area, first)
}

fn row<'a>(event: &StoredEvent, width: usize, theme: &Theme) -> Line<'a> {
    let processed = event.status == "PROCESSED";
    let mark = match (processed, event.alert) {
        (_, true) => Span::styled("! ", theme.warn),
        (true, false) => Span::styled("✓ ", theme.good),
        (false, false) => Span::styled("· ", theme.dim),
    };
    let time = event.timestamp.get(11..19).unwrap_or(&event.timestamp);
    let mut line = Line::from(vec![
        mark,
        Span::styled(left(time, 9), theme.dim),
        Span::raw(left(&event.symbol, 10)),
        Span::raw(left(&event.event_type, 6)),
    ]);
    // Widths grow in steps: what is most wanted comes first.
    let rest = width.saturating_sub(line.width() + 1);
    // Where both sides of a quote have no room, their middle has.
    let both = price(event);
    let shown = if both.len() <= rest { both } else { event.price.clone().unwrap_or(both) };
    line.push_span(Span::raw(right(&shown, rest.min(24))));
    let rest = rest.saturating_sub(24);
    if rest >= 12 {
        let style = if processed { Style::new() } else { theme.warn };
        line.push_span(Span::styled(format!("  {}", left(&event.status, 10)), style));
    }
    if rest >= 40 {
        line.push_span(Span::raw(format!("  {}", left(&event.event_id, 26))));
    }
    if rest >= 55 {
        let tags = event.tags.join(" ");
        line.push_span(Span::styled(format!("  {}", parts::cut(&tags, rest - 42)), theme.warn));
    }
    line
}

/// Bid and ask of a quote, else the price.
pub(super) fn price(event: &StoredEvent) -> String {
    match (&event.bid, &event.ask, &event.price) {
        (Some(bid), Some(ask), _) => format!("{bid} / {ask}"),
        (_, _, Some(price)) => price.clone(),
        _ => NOTHING.to_owned(),
    }
}
