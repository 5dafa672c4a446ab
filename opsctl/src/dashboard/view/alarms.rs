//! The alarms: ringing ones first, each with since when and why.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::parts::{self, Title, left, right};
use crate::aws::alarms::{Alarm, AlarmState};
use crate::dashboard::rows::{List, Panel};
use crate::dashboard::state::State;
use crate::dashboard::theme::Theme;
use crate::snapshot::SourceName;

/// Draws them; returns where the rows are and the index of the first.
pub(super) fn draw(state: &State, area: Rect, buffer: &mut Buffer, theme: &Theme, focused: bool) -> (Rect, usize) {
    let source = &state.snapshot.alarms;
    let now = state.shown_at();
    let List::Alarms(alarms) = state.panel_list(Panel::Alarms) else { return (area, 0) };
    let counts = if source.data.is_some() { counts(&alarms) } else { String::new() };
    let note = parts::note(state, source, Some(SourceName::Alarms), theme);
    let area = Title { text: format!("2 Alarms{counts}"), note, focused }.draw(area, buffer, theme);
    if source.data.is_none() {
        parts::draw_missing(source, area, buffer, theme);
        return (area, 0);
    }
    let width = usize::from(area.width);
    let selected = state.selected(Panel::Alarms).filter(|_| focused);
    let first = parts::draw_list(area, buffer, theme, alarms.len(), selected, |index| {
        let alarm = alarms[index];
        let (style, mark) = mark(alarm, theme);
        let since = match alarm.state {
            AlarmState::Missing => "missing".to_owned(),
            AlarmState::Ok if !alarm.actions_enabled => "muted".to_owned(),
            AlarmState::InsufficientData => "no data".to_owned(),
            AlarmState::Ok | AlarmState::Alarm => {
                alarm.since.map(|since| parts::elapsed(since, now)).unwrap_or_default()
            }
        };
        // The reason where there is room for it, else where Enter shows it.
        let name_width = if width >= 90 { 44 } else { width.saturating_sub(16) };
        let why = alarm.reason.as_deref().unwrap_or_default().trim_start_matches("Threshold Crossed: ");
        let mut line = Line::from(vec![
            Span::styled(format!("{mark} "), style),
            Span::styled(
                left(short_name(&alarm.name, &state.stack.environment), name_width),
                if alarm.state == AlarmState::Alarm { style } else { theme.dim },
            ),
            Span::raw(right(&since, 12)),
        ]);
        if width >= 90 && matches!(alarm.state, AlarmState::Alarm) {
            line.push_span(Span::raw(format!("  {}", parts::cut(why, width.saturating_sub(name_width + 18)))));
        }
        line
    });
    (area, first)
}

fn counts(alarms: &[&Alarm]) -> String {
    let count = |state| alarms.iter().filter(|alarm| alarm.state == state).count();
    let words = [
        (count(AlarmState::Alarm), "ringing"),
        (count(AlarmState::Missing), "missing"),
        (count(AlarmState::InsufficientData), "no data"),
        (count(AlarmState::Ok), "ok"),
    ];
    let words: Vec<String> =
        words.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    format!(": {}", if words.is_empty() { "none".to_owned() } else { words.join(", ") })
}

/// The part of an alarm's name that tells it from the stack's others.
fn short_name<'a>(name: &'a str, environment: &str) -> &'a str {
    let short = name.strip_prefix("alarm-").and_then(|name| name.strip_suffix(environment)?.strip_suffix('-'));
    short.unwrap_or(name)
}

/// How an alarm's state is marked.
pub(super) fn mark(alarm: &Alarm, theme: &Theme) -> (ratatui::style::Style, &'static str) {
    match alarm.state {
        AlarmState::Alarm => (theme.bad, "✗"),
        AlarmState::Missing => (theme.warn, "?"),
        _ if !alarm.actions_enabled => (theme.warn, "m"),
        AlarmState::InsufficientData => (theme.dim, "-"),
        AlarmState::Ok => (theme.good, "✓"),
    }
}

/// The same in words.
pub(super) fn state_word(alarm: &Alarm) -> &'static str {
    match alarm.state {
        AlarmState::Alarm => "rings",
        AlarmState::Missing => "does not exist",
        AlarmState::InsufficientData => "has no data",
        AlarmState::Ok => "is ok",
    }
}
