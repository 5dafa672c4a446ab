//! What lies over the screen about a change. Each takes the whole width: previews are as wide as a terminal.

mod form;
mod notice;
mod preview;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Widget};

use super::parts;
use crate::dashboard::actions::{Dialog, PaperLine, Phase, Role};
use crate::dashboard::state::{Drawn, State};
use crate::dashboard::theme::Theme;
use crate::human;

/// Draws the dialog into `area`; returns where the cursor is when something is typed.
pub(super) fn draw(
    state: &State,
    dialog: &Dialog,
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
    drawn: &mut Drawn,
) -> Option<(u16, u16)> {
    match dialog {
        Dialog::Reading => reading(state, area, buffer, theme),
        Dialog::Preview(preview) => return preview::draw(state, preview, area, buffer, theme, drawn),
        Dialog::Form(form) => return form::draw(state, form, area, buffer, theme),
        Dialog::Notice(notice) => notice::draw(notice, area, buffer, theme),
        Dialog::Offer { stage, letters } => {
            let count = human::count(*letters, "letter");
            let queue = &state.stack.stages.get(*stage).dlq_name;
            let lines = [
                Line::styled(format!(" {stage} takes events again."), theme.good),
                Line::raw(format!(" {count} in {queue}, until sent again.")),
                Line::default(),
                question(" Look at what a redrive of them would do? [y/N] ", theme),
            ];
            boxed("Resumed", &lines, area, buffer, theme);
        }
    }
    None
}

fn reading(state: &State, area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let Some(work) = &state.actions.work else { return };
    let count = match work.phase {
        Phase::Reading(0) | Phase::Asking | Phase::Doing(_) => String::new(),
        Phase::Reading(count) => format!(": {count}"),
    };
    let since = human::since(work.since, state.now);
    let lines = [
        Line::raw(format!(" {}{count}   {since}", work.what)),
        Line::styled(" Nothing is changed before you have seen what would be, and said yes.", theme.dim),
    ];
    boxed("One moment", &lines, area, buffer, theme);
}

/// A frame as high as its lines, in the middle of `area`.
fn boxed(title: &str, lines: &[Line<'_>], area: Rect, buffer: &mut Buffer, theme: &Theme) {
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
    let inner = framed(title, theme.heading, height, area, buffer);
    parts::draw_text(lines, inner, buffer);
}

/// A rule above and below, over the whole width, `height` high at most; returns what is between them.
fn framed(title: &str, style: Style, height: u16, area: Rect, buffer: &mut Buffer) -> Rect {
    let height = height.min(area.height);
    let area = Rect { y: area.y + (area.height - height) / 2, height, ..area };
    Clear.render(area, buffer);
    let block = Block::new()
        .borders(Borders::TOP | Borders::BOTTOM)
        .border_type(ratatui::widgets::BorderType::Thick)
        .title(Span::styled(format!(" {title} "), style));
    let inner = block.inner(area);
    block.render(area, buffer);
    inner
}

fn question<'a>(text: &str, theme: &Theme) -> Line<'a> {
    Line::styled(text.to_owned(), theme.heading)
}

/// A report's lines on a screen that is `width` wide.
pub(super) fn paper<'a>(lines: &[PaperLine], width: usize, theme: &Theme) -> Vec<Line<'a>> {
    lines.iter().flat_map(|line| fold(line, width, theme)).collect()
}

/// The same, each line cut where it does not fit: a list stays a list.
pub(super) fn list<'a>(lines: &[PaperLine], width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let line = |pieces: &PaperLine| {
        let mut line = Line::from(" ");
        for (role, text) in pieces {
            let text = parts::cut(text, width.saturating_sub(line.width()));
            line.push_span(Span::styled(text, style(*role, theme)));
        }
        line
    };
    lines.iter().map(line).collect()
}

/// Breaks a line where it does not fit: nothing of a preview is cut off.
fn fold<'a>(pieces: &PaperLine, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let mut lines = vec![Line::default()];
    let mut room = width;
    for (role, text) in pieces {
        let mut rest: Vec<char> = text.chars().collect();
        while !rest.is_empty() {
            if room == 0 {
                lines.push(Line::default());
                room = width.max(1);
            }
            let after = rest.split_off(rest.len().min(room));
            room -= rest.len().min(room);
            // Cutting drops control characters, too.
            let text = parts::cut(&rest.iter().collect::<String>(), width.max(1));
            if let Some(line) = lines.last_mut() {
                line.push_span(Span::styled(text, style(*role, theme)));
            }
            rest = after;
        }
    }
    lines
}

fn style(role: Role, theme: &Theme) -> Style {
    match role {
        Role::Plain => Style::new(),
        Role::Heading => theme.heading,
        Role::Good => theme.good,
        Role::Warn => theme.warn,
        Role::Bad => theme.bad,
        Role::Dim => theme.dim,
    }
}
