//! `opsctl events show`.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::args::ShowArgs;
use crate::aws::audit::AuditRow;
use crate::aws::dead_letters::DeadLetter;
use crate::aws::events::{self, EventDetail, EventRow};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Report, Styles};

#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct ShowReport(EventDetail);

/// Reads all that is known of an event. Failed (exit code 1) when that is nothing.
pub(super) async fn run(context: &Context, args: &ShowArgs) -> Result<ShowReport> {
    let target = context.target().await?;
    let detail = events::detail(&target.clients, &target.stack, &args.event_id).await?;
    if detail.is_unknown() {
        let unseen = match detail.letters_not_seen {
            0 => String::new(),
            number => format!(" ({} were not looked at)", human::count(number, "dead letter")),
        };
        return Err(Error::failed(
            format!(
                "failed to find event {}: no row in {}, no audit, no dead letter{unseen}",
                args.event_id, target.stack.tables.events.name
            ),
            "check the id; `opsctl events list id:PART*` finds ids, `opsctl dlq list` counts what was rejected",
        ));
    }
    Ok(ShowReport(detail))
}

impl Report for ShowReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let detail = &self.0;
        let heading = styles.heading;
        writeln!(out, "{heading}{}{heading:#}", detail.event_id)?;
        if detail.rows.is_empty() {
            writeln!(out, "  {}not stored{:#}", styles.warn, styles.warn)?;
        }
        for row in &detail.rows {
            write_row(out, row, styles)?;
        }
        writeln!(out, "\n{heading}Audit{heading:#}")?;
        if detail.audit.is_empty() {
            writeln!(out, "  none")?;
        }
        let start = detail.audit.first().map(|row| row.at);
        for row in &detail.audit {
            write_audit(out, row, start.unwrap_or(row.at), styles)?;
        }
        if !detail.traces.is_empty() {
            writeln!(out, "\n{heading}Traces{heading:#}")?;
            for trace in &detail.traces {
                writeln!(out, "  {trace}   opsctl trace show {trace}")?;
            }
        }
        if !detail.letters.is_empty() || detail.letters_not_seen > 0 {
            writeln!(out, "\n{heading}Dead letters{heading:#}")?;
            for letter in &detail.letters {
                write_letter(out, letter)?;
            }
            if detail.letters.is_empty() {
                writeln!(out, "  none among those looked at")?;
            }
            if detail.letters_not_seen > 0 {
                writeln!(out, "  {} not looked at", human::count(detail.letters_not_seen, "letter"))?;
            }
        }
        Ok(())
    }
}

fn write_row(out: &mut dyn Write, row: &EventRow, styles: &Styles) -> io::Result<()> {
    let event = &row.event;
    let style = if event.status == "PROCESSED" { styles.good } else { styles.warn };
    writeln!(
        out,
        "  {} {} at {}, {style}{}{style:#}{}",
        event.event_type,
        event.symbol,
        event.timestamp,
        event.status,
        if event.alert { ", raised an alert" } else { "" }
    )?;
    let time = |at: Option<Timestamp>| at.map(|at| at.strftime("%F %T%.3f UTC").to_string());
    let fields = [
        ("source", event.source.clone()),
        ("price", event.price.clone()),
        ("size", event.size.clone()),
        ("bid", event.bid.clone()),
        ("ask", event.ask.clone()),
        ("received", time(event.received_at)),
        ("processed", time(event.processed_at)),
        ("tags", (!event.tags.is_empty()).then(|| event.tags.join(", "))),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            writeln!(out, "  {name:<12}{value}")?;
        }
    }
    for (title, value) in [("Payload", &row.payload), ("Enrichment", &row.enrichment)] {
        write_value(out, title, value, styles)?;
    }
    if !row.other.is_empty() {
        write_value(out, "Other", &Value::Object(row.other.clone()), styles)?;
    }
    Ok(())
}

/// A document as `path  value` lines, which are found with the eye and with grep.
fn write_value(out: &mut dyn Write, title: &str, value: &Value, styles: &Styles) -> io::Result<()> {
    let mut lines = Vec::new();
    leaves(value, String::new(), &mut lines);
    if lines.is_empty() {
        return Ok(());
    }
    let heading = styles.heading;
    writeln!(out, "\n{heading}{title}{heading:#}")?;
    let width = lines.iter().map(|(path, _)| path.chars().count()).max().unwrap_or_default().min(40);
    for (path, text) in lines {
        writeln!(out, "  {path:<width$}  {}", human::shorten(&text, 78 - width.min(60)))?;
    }
    Ok(())
}

fn leaves(value: &Value, path: String, lines: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Null => {}
        Value::Object(fields) => fields.iter().for_each(|(name, value)| leaves(value, below(name), lines)),
        Value::Array(values) if values.iter().any(|value| value.is_object() || value.is_array()) => {
            values.iter().enumerate().for_each(|(index, value)| leaves(value, below(&index.to_string()), lines));
        }
        Value::Array(values) => {
            let texts: Vec<String> = values.iter().map(plain).collect();
            lines.push((path, texts.join(", ")));
        }
        leaf => lines.push((path, plain(leaf))),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn write_audit(out: &mut dyn Write, row: &AuditRow, start: Timestamp, styles: &Styles) -> io::Result<()> {
    let style = match row.status.as_str() {
        "FAILED" | "REJECTED" | "CONFLICT" => styles.bad,
        "DUPLICATE" | "SUPPRESSED" | "REPLAY_MUTED" => styles.dim,
        _ => styles.good,
    };
    let took = row.duration_ms.map(|milliseconds| format!("{milliseconds} ms")).unwrap_or_default();
    writeln!(
        out,
        "  {} {:>9}  {:<13}{style}{:<13}{style:#}{took:>9}",
        row.at.strftime("%F %T%.3f"),
        human::offset(start, row.at),
        row.stage.as_str(),
        row.status,
    )?;
    for line in row.error_message.iter().flat_map(|message| human::wrap(message, 72)) {
        writeln!(out, "      {line}")?;
    }
    Ok(())
}

fn write_letter(out: &mut dyn Write, letter: &DeadLetter) -> io::Result<()> {
    writeln!(out, "  {} {} in {}'s queue", letter.code, letter.message_id, letter.stage)?;
    for line in human::wrap(&letter.message, 72) {
        writeln!(out, "      {line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::snapshot::samples;
    use crate::stack::StageName;

    #[test]
    fn an_event_is_told_from_its_fields_to_its_dead_letters() {
        let audit = |stage, milliseconds: i64, status: &str, error: Option<&str>| AuditRow {
            stage,
            at: samples::now() + jiff::SignedDuration::from_millis(milliseconds),
            status: status.to_owned(),
            duration_ms: Some(41),
            error_message: error.map(str::to_owned),
            request_id: Some("r-1".to_owned()),
            trace_id: None,
        };
        let row = EventRow {
            event: samples::healthy().events.data.unwrap().swap_remove(0),
            payload: json!({"price": "39432.48", "levels": [{"bid": "1"}, {"bid": "2"}]}),
            enrichment: json!({"window": {"count": 50}, "indicators": {"sma": {"value": "39430.1", "observations": 20}}}),
            other: serde_json::Map::from_iter([("venue".to_owned(), json!("binance"))]),
        };
        let detail = EventDetail {
            event_id: "e2".to_owned(),
            rows: vec![row],
            audit: vec![
                audit(StageName::Ingestion, 0, "STORED", None),
                audit(StageName::Processing, 120, "FAILED", Some("failed to read table dynamodb-events-dev: denied")),
            ],
            traces: vec!["1-5ff7a180-0123456789abcdef01234567".to_owned()],
            letters: Vec::new(),
            letters_not_seen: 93,
        };
        let mut text = Vec::new();
        ShowReport(detail).write_text(&mut text, &Styles::default()).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        insta::assert_snapshot!(text);
    }
}
