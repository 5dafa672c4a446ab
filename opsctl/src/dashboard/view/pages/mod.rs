//! Pages: one file a topic. Lists draw themselves; all others are text that scrolls.

mod alarm;
mod event;
mod letter;
mod letters;
mod stage;
mod trace;
mod traces;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::dialogs;
use super::parts::{self, Title};
use crate::dashboard::pages::{Page, Topic};
use crate::dashboard::state::{Drawn, State};
use crate::dashboard::theme::Theme;
use crate::human;

/// Draws the page.
pub(super) fn draw(state: &State, page: &Page, area: Rect, buffer: &mut Buffer, theme: &Theme, drawn: &mut Drawn) {
    let mut note = Vec::new();
    // Where nothing was read yet, the note of its data says so already.
    if page.loading && !page.data.is_awaited() {
        note.push(Span::styled("reading…  ", theme.warn));
    }
    if page.topic.needs_loading() {
        note.extend(parts::note(state, &page.data, None, theme));
    }
    let text = match page.topic {
        Topic::Letters(stage) => letters::title(state, page, stage),
        _ => page.topic.title(),
    };
    let area = Title { text, note, focused: true }.draw(area, buffer, theme);
    if page.topic.needs_loading() && page.data.data.is_none() && !matches!(page.topic, Topic::Alarm(_)) {
        return parts::draw_missing(&page.data, area, buffer, theme);
    }
    let width = usize::from(area.width).saturating_sub(2);
    let lines = match &page.topic {
        Topic::Letters(_) => return letters::draw(state, page, area, buffer, theme, drawn),
        Topic::Stage(stage) => stage::lines(state, *stage, width, theme),
        Topic::Alarm(name) => alarm::lines(state, page, name, width, theme),
        Topic::Letter(letter) => letter::lines(state, letter, width, theme),
        Topic::Traces(_) => return traces::draw(state, page, area, buffer, theme, drawn),
        Topic::Event(_) => event::lines(page, width, theme),
        Topic::Trace(_) => trace::lines(page, width, theme),
        Topic::Report(paper) => dialogs::list(&paper.lines, width + 2, theme),
    };
    drawn.scroll_limit = lines.len().saturating_sub(usize::from(area.height));
    let first = page.scroll.min(drawn.scroll_limit);
    parts::draw_text(&lines[first..], area, buffer);
    if first < drawn.scroll_limit {
        let more = format!(" {} more lines ▼", drawn.scroll_limit - first);
        let width = u16::try_from(more.chars().count()).unwrap_or(u16::MAX).min(area.width);
        buffer.set_string(area.right() - width, area.bottom() - 1, &more, theme.dim);
    }
}

/// A name and its value, the value wrapped.
fn field<'a>(name: &str, value: &str, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    const NAME: usize = 15;
    let lines = human::wrap(value, width.saturating_sub(NAME));
    lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let name = if index == 0 { name } else { "" };
            Line::from(vec![
                Span::styled(format!(" {}", parts::left(name, NAME)), theme.dim),
                Span::raw(parts::cut(&line, width.saturating_sub(NAME))),
            ])
        })
        .collect()
}

fn heading<'a>(text: &str, theme: &Theme) -> [Line<'a>; 2] {
    [Line::default(), Line::styled(format!(" {text}"), theme.heading)]
}

/// JSON with its indentation, else the text as it is, cut into lines of that width.
fn body<'a>(text: &str, width: usize) -> Vec<Line<'a>> {
    let value = serde_json::from_str::<serde_json::Value>(text);
    let pretty = value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| text.to_owned());
    let mut lines = Vec::new();
    for line in pretty.lines() {
        let characters: Vec<char> = line.chars().collect();
        for chunk in characters.chunks(width.max(1)) {
            lines.push(Line::raw(format!(" {}", parts::cut(&chunk.iter().collect::<String>(), width))));
        }
    }
    lines
}
