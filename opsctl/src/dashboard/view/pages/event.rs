//! One event: what is stored of it, and what each stage did with it.

use jiff::Timestamp;
use ratatui::text::{Line, Span};

use super::{body, field, heading};
use crate::aws::audit::AuditRow;
use crate::aws::events::StoredEvent;
use crate::dashboard::pages::{Loaded, Page};
use crate::dashboard::theme::Theme;
use crate::dashboard::view::events::price;
use crate::dashboard::view::letters::origin;
use crate::dashboard::view::parts::{self, NOTHING, left, right};
use crate::human;

pub(super) fn lines<'a>(page: &Page, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let Some(Loaded::Event(detail)) = &page.data.data else { return Vec::new() };
    if detail.is_unknown() {
        return vec![Line::raw(" nothing is known of it: no row, no audit, no dead letter that was looked at")];
    }
    let mut lines = Vec::new();
    for row in &detail.rows {
        lines.extend(stored(&row.event, width, theme));
    }
    if detail.rows.is_empty() {
        lines.push(Line::styled(" ✗ it is not stored", theme.bad));
    }
    lines.extend(heading("What the stages did", theme));
    if detail.audit.is_empty() {
        lines.push(Line::raw(" nothing that was audited"));
    } else {
        lines.extend(timeline(&detail.audit, width, theme));
    }
    for letter in &detail.letters {
        lines.extend(heading(&format!("Dead letter of {}", letter.stage), theme));
        let why = format!("{} {}: {}", origin(letter.origin), letter.code, letter.message);
        lines.extend(field("✗ why", &why, width, theme));
        lines.extend(field("message", &letter.message_id, width, theme));
    }
    if detail.letters_not_seen > 0 {
        let text = format!("{} dead letters were not looked at", detail.letters_not_seen);
        lines.extend(field("", &text, width, theme));
    }
    for trace in &detail.traces {
        lines.extend(field("trace", &format!("{trace}  (t shows it)"), width, theme));
    }
    for row in &detail.rows {
        for (name, value) in [("Enrichment", &row.enrichment), ("Payload", &row.payload)] {
            if !value.is_null() {
                lines.extend(heading(name, theme));
                lines.extend(body(&value.to_string(), width));
            }
        }
    }
    lines
}

fn stored<'a>(event: &StoredEvent, width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let or_nothing = |text: &Option<String>| text.clone().unwrap_or_else(|| NOTHING.to_owned());
    let time = |at: Option<Timestamp>| or_nothing(&at.map(|at| at.strftime("%F %T%.3f UTC").to_string()));
    let fields = [
        ("symbol", format!("{} ({})", event.symbol, event.event_type)),
        ("price", price(event)),
        ("size", or_nothing(&event.size)),
        ("time", event.timestamp.clone()),
        ("source", or_nothing(&event.source)),
        ("status", event.status.clone()),
        ("received", time(event.received_at)),
        ("processed", time(event.processed_at)),
        ("alert", if event.alert { "yes" } else { "no" }.to_owned()),
        ("tags", if event.tags.is_empty() { NOTHING.to_owned() } else { event.tags.join(", ") }),
    ];
    fields.iter().flat_map(|(name, value)| field(name, value, width, theme)).collect()
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
    lines
}
