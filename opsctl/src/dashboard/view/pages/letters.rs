//! The letters of a queue that were looked at.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::dashboard::cursor::Rows;
use crate::dashboard::pages::Page;
use crate::dashboard::state::{Drawn, State};
use crate::dashboard::theme::Theme;
use crate::dashboard::view::letters::origin;
use crate::dashboard::view::parts::{self, NOTHING, left};
use crate::human;

pub(super) fn draw(state: &State, page: &Page, area: Rect, buffer: &mut Buffer, theme: &Theme, drawn: &mut Drawn) {
    let letters = page.letters().unwrap_or_default();
    if letters.is_empty() {
        return parts::draw_text(&[Line::styled(" ✓ none waiting", theme.good)], area, buffer);
    }
    let text = format!(" {} {:<10}{:<12}{:<11}{:<16}why", left("event", 26), "symbol", "age", "how", "code");
    parts::draw_text(&[Line::styled(text, theme.dim)], area, buffer);
    let area = parts::below(area, 1);
    let list = state.list();
    let selected = page.cursor.position(&list);
    let width = usize::from(area.width);
    let first = parts::draw_list(area, buffer, theme, list.len(), selected, |index| {
        let letter = &letters[index];
        let age = letter.sent_at.map(|sent| human::since(sent, state.now)).unwrap_or_default();
        let mut line = Line::from(vec![
            Span::raw(left(letter.event_id.as_deref().unwrap_or(NOTHING), 26)),
            Span::raw(format!(" {}", left(letter.symbol.as_deref().unwrap_or(NOTHING), 10))),
            Span::raw(left(&age, 12)),
            Span::raw(left(origin(letter.origin), 11)),
            Span::raw(format!("{} ", left(&letter.code, 15))),
        ]);
        let room = width.saturating_sub(line.width() + 1);
        line.push_span(Span::raw(parts::cut(&letter.message, room)));
        line
    });
    drawn.list = Some((area, first));
}
