//! The verdict, always on the screen: in a word, since when, and what to press.

use jiff::{SignedDuration, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::parts::{self, cut};
use crate::dashboard::rows::Panel;
use crate::dashboard::state::State;
use crate::dashboard::theme::Theme;
use crate::human;
use crate::snapshot::{Finding, Health, Severity, SourceName};

/// The first answers take so long on a usual day.
const SLOW: SignedDuration = SignedDuration::from_secs(5);

/// Draws it in a few lines: the health, then findings, the selected or worst one with what to do.
pub(super) fn draw(state: &State, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    headline(state, usize::from(area.width), theme).render(parts::first_line(area), buffer);
    let selected = selected(state);
    let width = usize::from(area.width);
    let explained = selected.unwrap_or(0);
    let room = usize::from(area.height).saturating_sub(2).max(1);
    let mut lines = Vec::new();
    for (index, finding) in state.verdict.findings.iter().enumerate().skip((explained + 1).saturating_sub(room)) {
        let line = sentence(finding, state.shown_at(), width, theme);
        lines.push(if selected == Some(index) { line.patch_style(theme.selected) } else { line });
        if index == explained {
            lines.push(Line::styled(cut(&format!("       → {}", finding.action), width), theme.accent));
        }
    }
    if let Some(awaited) = loading(state) {
        lines.extend(waiting(state, &awaited, width, theme));
    }
    parts::draw_text(&lines, parts::below(area, 1), buffer);
}

/// The sources whose first answer is waited for, while nothing worse is known.
fn loading(state: &State) -> Option<Vec<SourceName>> {
    let awaited = state.snapshot.awaited();
    (!awaited.is_empty() && state.verdict.health == Health::Unknown).then_some(awaited)
}

/// What is waited for; and once that is longer than usual, what may be the matter.
fn waiting<'a>(state: &State, awaited: &[SourceName], width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let names: Vec<&str> = awaited.iter().map(|source| source.as_str()).collect();
    let mut lines = vec![Line::styled(cut(&format!("   waiting for {}", names.join(", ")), width), theme.dim)];
    if state.now.duration_since(state.reading_since) >= SLOW {
        let text = "       → AWS answers slowly or not at all; a call is given up after 30 s, and then it is said why";
        lines.push(Line::styled(cut(text, width), theme.accent));
    }
    lines
}

/// Draws every finding in full.
pub(super) fn draw_all(state: &State, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    headline(state, usize::from(area.width), theme).render(parts::first_line(area), buffer);
    let selected = selected(state);
    let width = usize::from(area.width);
    let mut lines = Vec::new();
    let mut end_of_selected = 0;
    for (index, finding) in state.verdict.findings.iter().enumerate() {
        lines.push(Line::default());
        let (style, mark) = theme.severity(finding.severity);
        let since = since(finding, state.shown_at()).map(|since| format!(" (for {since})")).unwrap_or_default();
        for (number, text) in human::wrap(&format!("{}{since}", finding.message), width - 8).into_iter().enumerate() {
            let mut line = match number {
                0 => Line::from(vec![
                    Span::raw(if selected == Some(index) { "›" } else { " " }),
                    Span::styled(format!("{mark} "), style),
                    key(finding, theme),
                ]),
                _ => Line::from("      "),
            };
            line.push_span(Span::raw(text));
            lines.push(if selected == Some(index) { line.patch_style(theme.selected) } else { line });
        }
        for (number, text) in human::wrap(&finding.action, width - 9).into_iter().enumerate() {
            lines.push(Line::styled(format!("      {} {text}", if number == 0 { "→" } else { " " }), theme.accent));
        }
        if selected == Some(index) {
            end_of_selected = lines.len();
        }
    }
    if let Some(awaited) = loading(state) {
        lines.push(Line::default());
        lines.extend(waiting(state, &awaited, width, theme));
    }
    let area = parts::below(area, 1);
    let first = end_of_selected.saturating_sub(usize::from(area.height));
    parts::draw_text(&lines[first..], area, buffer);
    if lines.len() > first + usize::from(area.height) {
        parts::mark_more(area, buffer, theme);
    }
}

fn selected(state: &State) -> Option<usize> {
    let focused = state.focus == Panel::Verdict && state.pages.is_empty();
    state.selected(Panel::Verdict).filter(|_| focused)
}

fn headline<'a>(state: &State, width: usize, theme: &Theme) -> Line<'a> {
    let (style, word) = match loading(state) {
        Some(_) => (theme.heading, "… LOADING"),
        None => theme.health(state.verdict.health),
    };
    let findings = &state.verdict.findings;
    let of = |severity| findings.iter().filter(move |finding| finding.severity == severity);
    let (critical, warnings) = (of(Severity::Critical).count(), of(Severity::Warning).count());
    let mut line = Line::from(vec![Span::raw(" "), Span::styled(format!(" {word} "), style)]);
    if let Some(awaited) = loading(state) {
        let all = SourceName::ALL.len();
        let took = parts::elapsed(state.reading_since, state.now);
        line.push_span(Span::raw(format!(" {} of {all} sources read, for {took}", all - awaited.len())));
    }
    // It has been so for as long as the oldest reason.
    if let Some(began) = of(Severity::Critical).filter_map(|finding| finding.since).min() {
        let took = parts::elapsed(began, state.shown_at());
        let began = format!(" since {} UTC ({took})", began.strftime("%H:%M"));
        line.push_span(Span::styled(began, theme.heading));
    }
    let mut counts = Vec::new();
    if critical > 0 {
        counts.push(format!("{critical} critical"));
    }
    if warnings > 0 {
        counts.push(human::count(warnings as u64, "warning"));
    }
    if !counts.is_empty() {
        line.push_span(Span::raw(format!("  {}", counts.join(", "))));
        for (hint, style) in [("  [w]", theme.accent), (" to the worst", theme.dim)] {
            if line.width() + hint.len() < width {
                line.push_span(Span::styled(hint, style));
            }
        }
    }
    line
}

fn sentence<'a>(finding: &Finding, now: Timestamp, width: usize, theme: &Theme) -> Line<'a> {
    let (style, mark) = theme.severity(finding.severity);
    let since = since(finding, now).map(|since| format!("  {since}")).unwrap_or_default();
    let room = width.saturating_sub(8 + since.chars().count());
    Line::from(vec![
        Span::raw(" "),
        Span::styled(format!("{mark} "), style),
        key(finding, theme),
        Span::raw(parts::left(&finding.message, room)),
        Span::styled(since, theme.heading),
    ])
}

/// What to press to see more of it.
fn key<'a>(finding: &Finding, theme: &Theme) -> Span<'a> {
    match Panel::of_lint(finding.lint) {
        Panel::Verdict => Span::raw("    "),
        panel => Span::styled(format!("[{}] ", panel.number()), theme.accent),
    }
}

fn since(finding: &Finding, now: Timestamp) -> Option<String> {
    finding.since.map(|since| parts::elapsed(since, now))
}
