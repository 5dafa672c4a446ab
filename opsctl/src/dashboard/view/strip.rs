//! What goes on, above the footer, whatever else is shown.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::parts;
use crate::dashboard::actions::{Dialog, Phase, Work};
use crate::dashboard::state::State;
use crate::dashboard::theme::Theme;
use crate::human;
use crate::redrive::Progress;

/// Lines that it needs now.
pub(super) fn height(state: &State) -> u16 {
    let is_told = matches!(state.actions.dialog, Some(Dialog::Reading));
    if state.actions.is_busy() && !is_told { 2 } else { 0 }
}

/// Draws it.
pub(super) fn draw(state: &State, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let Some(work) = state.actions.work.as_ref().filter(|_| area.height > 0) else { return };
    let width = usize::from(area.width);
    let (words, style) = headline(state, work, theme);
    let mut first = Line::from(Span::styled(format!(" {words} "), style));
    if let Some(run) = &work.run {
        let text = format!(" run {run}");
        if first.width() + text.len() < width {
            first.push_span(Span::styled(text, theme.dim));
        }
    }
    first.push_span(Span::styled(" ".repeat(width.saturating_sub(first.width())), Style::new()));
    let second = match &work.phase {
        Phase::Reading(count) => Line::raw(format!(" giving back what was read: {count}")),
        Phase::Asking | Phase::Doing(None) => Line::raw(format!(" since {}", human::since(work.since, state.now))),
        Phase::Doing(Some(progress)) => progress_line(state, work, progress, width, theme),
    };
    parts::draw_text(&[first, second], area, buffer);
}

fn headline(state: &State, work: &Work, theme: &Theme) -> (String, Style) {
    let leaving = state.actions.leaving.is_some();
    match (leaving, work.stopping) {
        (true, _) => ("QUITTING once this has ended; q again quits at once, and loses nothing".to_owned(), theme.alert),
        (false, true) => (format!("STOPPING: {}", work.what), theme.alert),
        (false, false) => (format!("NOW: {}", work.what), theme.heading),
    }
}

/// A bar, and what is known in numbers.
fn progress_line<'a>(state: &State, work: &Work, progress: &Progress, width: usize, theme: &Theme) -> Line<'a> {
    let done = progress.redriven + progress.given_up;
    let mut words = match progress.through {
        None => vec![format!("{done} of {}", progress.total)],
        Some(through) => vec![
            format!("{} of {} redriven", progress.redriven, progress.total),
            format!("{through} through their stage"),
        ],
    };
    if progress.given_up > 0 {
        words.push(format!("{} given up", progress.given_up));
    }
    if progress.in_hand > 0 {
        words.push(format!("{} in hand", progress.in_hand));
    }
    if progress.through.is_none()
        && !work.stopping
        && let Some((rate, seconds)) = work.pace(state.now)
    {
        words.push(format!("{}/s", parts::number(rate)));
        words.push(format!("{} left", human::duration(seconds.ceil() * 1000.0)));
    }
    let words = words.join("  ");
    let room = width.saturating_sub(words.chars().count() + 4).min(40);
    let filled = (room * done.min(progress.total)).checked_div(progress.total).unwrap_or_default();
    Line::from(vec![
        Span::raw(" "),
        Span::styled("█".repeat(filled), theme.accent),
        Span::styled("·".repeat(room - filled), theme.dim),
        Span::raw(format!("  {words}")),
    ])
}
