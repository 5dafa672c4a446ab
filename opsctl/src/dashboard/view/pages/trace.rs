//! One trace as a waterfall: each row a bar from its beginning to its end.

use ratatui::text::{Line, Span};

use super::field;
use super::traces::status;
use crate::dashboard::pages::{Loaded, Page};
use crate::dashboard::theme::Theme;
use crate::dashboard::view::parts::{self, left, right, short_duration};
use crate::human;

/// Columns of the time that a row took.
const TOOK: usize = 9;

pub(super) fn lines<'a>(page: &Page, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let Some(Loaded::Trace(trace)) = &page.data.data else { return Vec::new() };
    let began = trace.started_at.strftime("%F %T%.3f UTC");
    let mut lines = field("began", &format!("{began}, took {}", human::duration(trace.duration_ms)), width, theme);
    if trace.cut {
        lines.extend(field("", "X-Ray left out some of it because it is too large", width, theme));
    }
    lines.push(Line::default());
    let name_width = (width * 2 / 5).clamp(28, 60);
    let bar_width = width.saturating_sub(name_width + TOOK + 4);
    for span in &trace.spans {
        let (mark, style) = status(span.status, theme);
        let operation = span.operation.as_ref().map(|operation| format!(" {operation}")).unwrap_or_default();
        let name = format!("{:indent$}{}{operation}", "", span.name, indent = span.depth * 2);
        let took = span.duration_ms.map_or_else(|| "runs".to_owned(), short_duration);
        let end = span.duration_ms.map_or(trace.duration_ms, |took| span.offset_ms + took);
        let (from, to) =
            (column(span.offset_ms, trace.duration_ms, bar_width), column(end, trace.duration_ms, bar_width));
        let bar = "█".repeat(to.saturating_sub(from).max(1));
        lines.push(Line::from(vec![
            Span::styled(format!(" {mark} "), style),
            Span::raw(left(&name, name_width)),
            Span::raw(format!("{} ", right(&took, TOOK))),
            Span::raw(" ".repeat(from.min(bar_width.saturating_sub(1)))),
            Span::styled(bar, if span.problem.is_some() { theme.bad } else { theme.accent }),
        ]));
        if let Some(problem) = &span.problem {
            for line in human::wrap(problem, width.saturating_sub(8 + span.depth * 2)) {
                let line = format!("   {:indent$}{line}", "", indent = span.depth * 2 + 2);
                lines.push(Line::styled(parts::cut(&line, width), theme.bad));
            }
        }
    }
    lines
}

/// The column of a time within the whole.
fn column(at: f64, whole: f64, width: usize) -> usize {
    if whole <= 0.0 {
        return 0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a width of the screen")]
    let column = (at / whole).clamp(0.0, 1.0) * width as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the width")]
    let column = column.round() as usize;
    column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_its_column() {
        assert_eq!([0.0, 50.0, 100.0, 120.0].map(|at| column(at, 100.0, 40)), [0, 20, 40, 40]);
        assert_eq!(column(1.0, 0.0, 40), 0, "a trace that took no time");
    }
}
