//! What would be done, and the question.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::super::parts;
use crate::dashboard::actions::{Preview, question};
use crate::dashboard::state::{Drawn, State};
use crate::dashboard::theme::Theme;

pub(super) fn draw(
    state: &State,
    preview: &Preview,
    area: Rect,
    buffer: &mut Buffer,
    theme: &Theme,
    drawn: &mut Drawn,
) -> Option<(u16, u16)> {
    let width = usize::from(area.width);
    let text = super::paper(&preview.shown.lines, width, theme);
    let foot = foot(preview, width, theme);
    let height = u16::try_from(text.len() + foot.len() + 2).unwrap_or(u16::MAX);
    let environment = &state.stack.environment;
    let (title, style) = if state.stack.is_production() {
        (format!("PRODUCTION ({environment}): this would be done"), theme.alert)
    } else {
        (format!("This would be done in {environment}"), theme.heading)
    };
    let inner = super::framed(&title, style, height, area, buffer);
    let foot_height = u16::try_from(foot.len()).unwrap_or(u16::MAX).min(inner.height);
    let text_area = Rect { height: inner.height - foot_height, ..inner };
    let foot_area = parts::below(inner, text_area.height);
    drawn.scroll_limit = text.len().saturating_sub(usize::from(text_area.height));
    let first = preview.scroll.min(drawn.scroll_limit);
    parts::draw_text(&text[first..], text_area, buffer);
    if first < drawn.scroll_limit {
        let more = format!(" {} more lines, Down ▼", drawn.scroll_limit - first);
        let width = u16::try_from(more.chars().count()).unwrap_or(u16::MAX).min(inner.width);
        buffer.set_string(inner.right() - width, text_area.bottom().saturating_sub(1), &more, theme.accent);
    }
    parts::draw_text(&foot, foot_area, buffer);
    let needed = preview.shown.needed.as_ref()?;
    // The question stands on the last line.
    let line_area = Rect { y: inner.bottom().saturating_sub(1), height: inner.height.min(1), ..inner };
    if preview.pending {
        Line::styled(" doing it…", theme.warn).render(line_area, buffer);
        return None;
    }
    let question = format!(" {}", question(needed));
    let column = u16::try_from(question.chars().count()).unwrap_or(u16::MAX);
    let line = Line::from(vec![Span::styled(question, theme.heading), Span::raw(preview.answer.value().to_owned())]);
    line.render(line_area, buffer);
    let typed = u16::try_from(preview.answer.visual_cursor()).unwrap_or(u16::MAX);
    Some(((line_area.x + column).saturating_add(typed).min(line_area.right().saturating_sub(1)), line_area.y))
}

/// What stands below the text: what else could be wished for, why the answer was none, and the question's own line.
fn foot<'a>(preview: &Preview, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let mut lines = vec![Line::default()];
    let (rejected, came_back) = preview.shown.left;
    if let Some(wishes) = preview.shown.wishes {
        let mut wish = |key: &str, given: bool, left: usize, what: &str| {
            if given || left > 0 {
                let state = if given { "sent too".to_owned() } else { format!("{left} left") };
                lines.push(Line::from(vec![
                    Span::styled(format!(" {key} "), theme.accent),
                    Span::raw(parts::cut(&format!("{what}: {state}"), width.saturating_sub(key.len() + 2))),
                ]));
            }
        };
        wish("Ctrl-R", wishes.include_rejected, rejected, "what was rejected for good");
        wish("Ctrl-F", wishes.force, came_back, "what came back too often");
    }
    if let Some(error) = &preview.error {
        for line in crate::human::wrap(error, width.saturating_sub(4)) {
            lines.push(Line::from(vec![Span::styled(" ✗ ", theme.bad), Span::raw(line)]));
        }
    }
    if preview.shown.needed.is_some() {
        lines.push(Line::default());
    }
    lines
}
