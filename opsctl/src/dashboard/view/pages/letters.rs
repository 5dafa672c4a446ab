//! The letters of a queue that were looked at.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::dashboard::cursor::Rows;
use crate::dashboard::pages::{Page, Topic};
use crate::dashboard::state::{Drawn, State};
use crate::dashboard::theme::Theme;
use crate::dashboard::view::letters::origin;
use crate::dashboard::view::parts::{self, NOTHING, left};
use crate::stack::StageName;

/// Columns of event, symbol, age, how and code: on a narrow screen the words of the reason need their room too.
const NARROW: [usize; 5] = [16, 8, 8, 11, 10];
const ROOMY: [usize; 5] = [26, 10, 11, 11, 15];
/// From so many columns on there is room for all.
const WIDE: u16 = 110;

/// What stands above them: how many are marked, shown and there.
pub(super) fn title(state: &State, page: &Page, stage: StageName) -> String {
    let marked = state.actions.marks.count(stage);
    let letters = page.letters().unwrap_or_default();
    let shown = letters.len();
    let seen = letters.iter().filter(|letter| state.actions.marks.has(stage, &letter.message_id)).count();
    let marked = match marked {
        0 => String::new(),
        marked if seen < marked => format!(": {marked} marked, {} of them not seen now", marked - seen),
        marked => format!(": {marked} marked"),
    };
    let queue = state.snapshot.dead_letters.data.iter().flatten().find(|queue| queue.stage == stage);
    let depth = queue.map(|queue| queue.depth).filter(|depth| *depth > shown as u64);
    let depth = depth.map(|depth| format!(", {shown} shown of {depth}")).unwrap_or_default();
    format!("{}{marked}{depth}", page.topic.title())
}

pub(super) fn draw(state: &State, page: &Page, area: Rect, buffer: &mut Buffer, theme: &Theme, drawn: &mut Drawn) {
    let letters = page.letters().unwrap_or_default();
    if letters.is_empty() {
        return parts::draw_text(&[Line::styled(" ✓ none waiting", theme.good)], area, buffer);
    }
    let Topic::Letters(queue) = page.topic else { return };
    let [event, symbol, age, how, code] = if area.width < WIDE { NARROW } else { ROOMY };
    let heading = [("event", event), ("symbol", symbol), ("age", age), ("how", how), ("code", code)];
    let heading = cells(&heading);
    parts::draw_text(&[Line::styled(format!("  {heading} why"), theme.dim)], area, buffer);
    let area = parts::below(area, 1);
    let list = state.list();
    let selected = page.cursor.position(&list);
    let width = usize::from(area.width);
    let first = parts::draw_list(area, buffer, theme, list.len(), selected, |index| {
        let letter = &letters[index];
        // Without its spaces the longest fits: `59m59s`.
        let since = letter.sent_at.map(|sent| parts::elapsed(sent, state.now).replace(' ', "")).unwrap_or_default();
        let mark = if state.actions.marks.has(queue, &letter.message_id) { "*" } else { " " };
        let columns = [
            (letter.event_id.as_deref().unwrap_or(NOTHING), event),
            (letter.symbol.as_deref().unwrap_or(NOTHING), symbol),
            (&since, age),
            (origin(letter.origin), how),
            (&letter.code, code),
        ];
        let mut line = Line::from(vec![Span::styled(mark, theme.accent), Span::raw(cells(&columns)), Span::raw(" ")]);
        let room = width.saturating_sub(line.width() + 1);
        line.push_span(Span::raw(parts::cut(&letter.message, room)));
        line
    });
    drawn.list = Some((area, first));
}

/// Texts, each in its width.
fn cells(cells: &[(&str, usize)]) -> String {
    cells.iter().map(|(text, width)| left(text, *width)).collect::<Vec<_>>().join(" ")
}
