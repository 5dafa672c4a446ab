//! One event: what is stored of it, and what each stage did with it.

use ratatui::text::{Line, Span};

use super::{field, heading};
use crate::aws::audit::AuditRow;
use crate::aws::events::StoredEvent;
use crate::dashboard::pages::{Loaded, Page};
use crate::dashboard::theme::Theme;
use crate::dashboard::view::events::price;
use crate::dashboard::view::parts::{self, NOTHING, left, right};
use crate::human;

pub(super) fn lines<'a>(page: &Page, event: &StoredEvent, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let time = |at: Option<jiff::Timestamp>| {
        at.map_or_else(|| NOTHING.to_owned(), |at| at.strftime("%F %T%.3f UTC").to_string())
    };
    let fields = [
        ("symbol", format!("{} ({})", event.symbol, event.event_type)),
        ("price", price(event)),
        ("size", event.size.clone().unwrap_or_else(|| NOTHING.to_owned())),
        ("time", event.timestamp.clone()),
        ("source", event.source.clone().unwrap_or_else(|| NOTHING.to_owned())),
        ("status", event.status.clone()),
        ("received", time(event.received_at)),
        ("processed", time(event.processed_at)),
        ("alert", if event.alert { "yes" } else { "no" }.to_owned()),
        ("tags", if event.tags.is_empty() { NOTHING.to_owned() } else { event.tags.join(", ") }),
    ];
    for (name, value) in fields {
        lines.extend(field(name, &value, width, theme));
    }
    lines.extend(heading("What the stages did", theme));
    match (&page.data.data, &page.data.error) {
        (Some(Loaded::Audit(rows)), _) if rows.is_empty() => lines.push(Line::raw(" nothing that was audited")),
        (Some(Loaded::Audit(rows)), _) => lines.extend(timeline(rows, width, theme)),
        (_, Some(error)) => {
            lines.extend(field("✗ unknown", &format!("{}; {}", error.message, error.help), width, theme));
        }
        _ => lines.push(Line::styled(" reading…", theme.dim)),
    }
    lines
}

/// A line a stage attempt, with its distance from the first.
fn timeline<'a>(rows: &[AuditRow], width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let first = rows[0].at;
    let mut lines = Vec::new();
    for row in rows {
        let failed = matches!(row.status.as_str(), "FAILED" | "REJECTED" | "CONFLICT");
        let style = if failed { theme.bad } else { theme.good };
        let mark = if failed { "✗" } else { "✓" };
        let took = row.duration_ms.map(|took| format!("{took}ms")).unwrap_or_default();
        lines.push(Line::from(vec![
            Span::styled(format!(" {mark} "), style),
            Span::styled(left(&row.at.strftime("%T%.3f").to_string(), 14), theme.dim),
            Span::raw(right(&human::offset(first, row.at), 10)),
            Span::raw(format!("  {}", left(row.stage.as_str(), 13))),
            Span::styled(left(&row.status, 14), style),
            Span::raw(right(&took, 8)),
        ]));
        if let Some(message) = &row.error_message {
            for line in human::wrap(message, width.saturating_sub(18)) {
                lines.push(Line::styled(format!("                 {}", parts::cut(&line, width)), theme.bad));
            }
        }
    }
    if let Some(trace) = rows.iter().find_map(|row| row.trace_id.as_ref()) {
        lines.push(Line::default());
        lines.extend(field("trace", trace, width, theme));
    }
    lines
}
