//! What all views are made of: titles with their data's age, cells of a fixed width, lists.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::aws::AwsErrorKind;
use crate::dashboard::cursor;
use crate::dashboard::state::State;
use crate::dashboard::theme::Theme;
use crate::human;
use crate::snapshot::{Freshness, Source, SourceName};

/// What stands where nothing is known.
pub(super) const UNKNOWN: &str = "?";
/// What stands where there is nothing to measure.
pub(super) const NOTHING: &str = "-";

/// So much of a title's text always stays: number and name.
const LEAST_TITLE: usize = 10;

/// The title of a panel, over the whole width: number and name left, the age of its data right.
pub(super) struct Title<'a> {
    /// Number and name.
    pub(super) text: String,
    /// Age and errors.
    pub(super) note: Vec<Span<'a>>,
    /// Whether the keys act here.
    pub(super) focused: bool,
}

impl Title<'_> {
    /// Draws it on the first line of `area`, and returns what is left of that.
    pub(super) fn draw(self, area: Rect, buffer: &mut Buffer, theme: &Theme) -> Rect {
        let (mark, rule, style) = if self.focused {
            ("▶ ", "━", theme.selected.patch(theme.heading))
        } else {
            ("─ ", "─", theme.heading)
        };
        let width = usize::from(area.width);
        let mut line = Line::from(Span::styled(mark, if self.focused { style } else { theme.dim }));
        let note = Line::from(self.note);
        // Counts may be cut; that data are old or could not be read may not: old data must not look like good ones.
        let text_width = width.saturating_sub(2 + if note.width() > 0 { note.width() + 2 } else { 0 });
        line.push_span(Span::styled(cut(&self.text, text_width.max(LEAST_TITLE)), style));
        line.push_span(Span::raw(" "));
        let room = width.saturating_sub(line.width());
        if note.width() == 0 {
            line.push_span(Span::styled(rule.repeat(room), theme.dim));
        } else {
            let fill = room.saturating_sub(note.width() + 1);
            line.push_span(Span::styled(rule.repeat(fill), theme.dim));
            line.push_span(Span::raw(if fill > 0 { " " } else { "" }));
            line.spans.extend(note.spans);
        }
        line.render(first_line(area), buffer);
        below(area, 1)
    }
}

/// What must be said of a source in a title: its age, whether that is too much, why it could not be read, and when it
/// will be tried again.
pub(super) fn note<'a, T>(state: &State, source: &Source<T>, name: Option<SourceName>, theme: &Theme) -> Vec<Span<'a>> {
    let now = state.shown_at();
    let age = source.fetched_at.map(|at| age(at, now));
    let elapsed = source.fetched_at.map(|at| elapsed(at, now)).unwrap_or_default();
    let mut spans = Vec::new();
    if let Some(error) = &source.error {
        let backoff = name.and_then(|name| state.polling.backoff(name));
        let words = match (backoff, error.kind) {
            (_, AwsErrorKind::NotKept) => "not kept for the past".to_owned(),
            (Some(backoff), _) => backoff.describe(state.now),
            (None, AwsErrorKind::Unreachable) => "not reachable".to_owned(),
            (None, AwsErrorKind::Denied) => "not allowed".to_owned(),
            (None, AwsErrorKind::Expired) => "signed out".to_owned(),
            (None, AwsErrorKind::ClockSkew) => "clock off".to_owned(),
            (None, AwsErrorKind::Throttled) => "throttled".to_owned(),
            (None, AwsErrorKind::NotFound) => "not found".to_owned(),
            (None, AwsErrorKind::Other) => "failed".to_owned(),
        };
        spans.push(Span::styled(format!("✗ {words}"), theme.bad));
        if age.is_some() {
            spans.push(Span::raw(", "));
        }
    }
    match (source.freshness(now), age) {
        (Freshness::Unknown, _) if source.error.is_none() => spans.push(Span::styled("reading…", theme.dim)),
        _ if state.at.is_some() => {}
        (Freshness::Fresh, Some(age)) => spans.push(Span::styled(age, theme.dim)),
        (Freshness::Late, Some(_)) => spans.push(Span::styled(format!("LATE {elapsed}"), theme.warn)),
        (Freshness::Stale, Some(_)) => spans.push(Span::styled(format!("STALE {elapsed}"), theme.bad)),
        _ => {}
    }
    spans
}

/// How old data are.
fn age(at: Timestamp, now: Timestamp) -> String {
    match now.duration_since(at).as_secs() {
        ..1 => "now".to_owned(),
        _ => format!("{} old", elapsed(at, now)),
    }
}

/// The time from then to now in whole seconds or larger units: tenths would only flicker.
pub(super) fn elapsed(then: Timestamp, now: Timestamp) -> String {
    match now.duration_since(then).as_secs().max(0) {
        seconds @ 0..60 => format!("{seconds} s"),
        _ => human::since(then, now),
    }
}

/// Draws what stands in place of data that are not there: why, and what to do about it.
pub(super) fn draw_missing<T>(source: &Source<T>, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let Some(error) = &source.error else {
        return draw_text(&[Line::styled(" reading…", theme.dim)], area, buffer);
    };
    let width = usize::from(area.width).saturating_sub(3);
    let mut lines: Vec<Line> = Vec::new();
    for (index, line) in human::wrap(&error.message, width).into_iter().enumerate() {
        lines.push(Line::from(vec![Span::styled(if index == 0 { " ✗ " } else { "   " }, theme.bad), Span::raw(line)]));
    }
    for (index, line) in human::wrap(&error.help, width).into_iter().enumerate() {
        lines.push(Line::styled(format!(" {} {line}", if index == 0 { "→" } else { " " }), theme.dim));
    }
    draw_text(&lines, area, buffer);
}

/// Draws lines from the top of `area`, as many as it has.
pub(super) fn draw_text(lines: &[Line<'_>], area: Rect, buffer: &mut Buffer) {
    for (line, row) in lines.iter().zip(area.rows()) {
        line.render(row, buffer);
    }
}

/// Draws the rows of a list so that the selected one is seen; returns the index of the first that is.
pub(super) fn draw_list<'a>(
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
    len: usize,
    selected: Option<usize>,
    row: impl Fn(usize) -> Line<'a>,
) -> usize {
    let height = usize::from(area.height);
    let first = selected.map_or(0, |selected| cursor::offset(selected, height));
    for (index, line_area) in (first..len).zip(area.rows()) {
        let is_selected = selected == Some(index);
        let mut line = row(index);
        line.spans.insert(0, Span::raw(if is_selected { "›" } else { " " }));
        line.render(line_area, buffer);
        if is_selected {
            buffer.set_style(line_area, theme.selected);
        }
    }
    if len > first + height {
        mark_more(area, buffer, theme);
    }
    first
}

/// Marks that there is more below than is seen.
pub(super) fn mark_more(area: Rect, buffer: &mut Buffer, theme: &Theme) {
    if !area.is_empty() {
        buffer.set_string(area.right() - 1, area.bottom() - 1, "▼", theme.accent);
    }
}

/// Text in exactly `width` columns, left.
pub(super) fn left(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let pad = width - text.width();
    format!("{text}{:pad$}", "")
}

/// Text in exactly `width` columns, right.
pub(super) fn right(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let pad = width - text.width();
    format!("{:pad$}{text}", "")
}

/// Text in at most `width` columns, with an ellipsis where something was cut. Control characters do not get through.
pub(super) fn cut(text: &str, width: usize) -> String {
    let mut columns = 0;
    let mut fitting = String::new();
    for character in text.chars().map(|character| if character.is_control() { ' ' } else { character }) {
        columns += character.width().unwrap_or_default();
        if columns > width {
            while fitting.width() + 1 > width && fitting.pop().is_some() {}
            if width > 0 {
                fitting.push('…');
            }
            break;
        }
        fitting.push(character);
    }
    fitting
}

/// A number in few characters: `0.4`, `37`, `1234`, `12.3k`, `1.2M`.
pub(super) fn number(value: f64) -> String {
    match value {
        value if value >= 999_950.0 => format!("{:.1}M", value / 1e6),
        value if value >= 9_999.5 => format!("{:.1}k", value / 1e3),
        value if value >= 99.95 || value.fract() == 0.0 => format!("{value:.0}"),
        value => format!("{value:.1}"),
    }
}

/// A duration in few characters: `41ms`, `1.3s`, `4m10s`.
pub(super) fn short_duration(milliseconds: f64) -> String {
    human::duration(milliseconds).replace(' ', "")
}

/// That style when there is any, plain when there is none or it is not known.
pub(super) fn unless_zero(text: &str, style: Style) -> Style {
    if matches!(text, "0" | NOTHING | UNKNOWN) { Style::new() } else { style }
}

/// The first line of an area.
pub(super) fn first_line(area: Rect) -> Rect {
    Rect { height: area.height.min(1), ..area }
}

/// An area without its first lines.
pub(super) fn below(area: Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    Rect { y: area.y + lines, height: area.height - lines, ..area }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_their_width_whatever_the_script() {
        assert_eq!(left("abc", 5), "abc  ");
        assert_eq!(right("abc", 5), "  abc");
        assert_eq!(left("abcdef", 5), "abcd…");
        assert_eq!(left("株式会社", 5), "株式…");
        assert_eq!(cut("a\u{1b}[31mb", 10), "a [31mb");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn numbers_are_short() {
        let cases = [(0.0, "0"), (0.42, "0.4"), (37.0, "37"), (1236.4, "1236"), (12_340.0, "12.3k"), (1.2e6, "1.2M")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
