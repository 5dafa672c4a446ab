//! `opsctl trace show`.

use std::io::{self, Write};

use anstyle::Style;
use serde::Serialize;
use serde_json::Value;

use super::args::ShowArgs;
use crate::aws::audit;
use crate::aws::traces::{self, Span, SpanStatus, Waterfall, is_trace_id};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::human;
use crate::output::{Report, Styles};

/// Columns of the names and of the bars; with times and marks they make 80.
const NAMES: usize = 38;
const BARS: usize = 20;

#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct ShowReport(Vec<Waterfall>);

/// Reads a trace, or those of an event.
pub(super) async fn run(context: &Context, args: &ShowArgs) -> Result<ShowReport> {
    let target = context.target().await?;
    let ids = if is_trace_id(&args.id) {
        vec![args.id.clone()]
    } else {
        let table = &target.stack.tables.audit.name;
        let mut ids: Vec<String> = Vec::new();
        let rows = audit::history(&target.clients.dynamodb, table, &args.id).await?;
        for id in rows.into_iter().filter_map(|row| row.trace_id) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    };
    if ids.is_empty() {
        return Err(Error::failed(
            format!("failed to find a trace of {}: it is no trace's id, and the audit knows no such event", args.id),
            "a trace's id is 1-8 digits-24 digits; `opsctl trace list` shows them",
        ));
    }
    let read = ids.iter().map(|id| traces::read(&target.clients.xray, id));
    Ok(ShowReport(futures::future::try_join_all(read).await?))
}

impl Report for ShowReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        for (index, waterfall) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            write_waterfall(out, waterfall, styles)?;
        }
        Ok(())
    }

    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        self.0.iter().map(serde_json::to_value).collect()
    }
}

fn write_waterfall(out: &mut dyn Write, waterfall: &Waterfall, styles: &Styles) -> io::Result<()> {
    let (heading, dim) = (styles.heading, styles.dim);
    let (began, took) = (waterfall.started_at.strftime("%F %T%.3f UTC"), human::duration(waterfall.duration_ms));
    writeln!(out, "{heading}{}{heading:#}", waterfall.id)?;
    writeln!(out, "{began}, {took}{}", if waterfall.cut { "; too large, X-Ray left out some of it" } else { "" })?;
    for span in &waterfall.spans {
        let (style, mark) = match span.status {
            SpanStatus::Ok => (Style::new(), " "),
            SpanStatus::Error | SpanStatus::Throttled => (styles.warn, "!"),
            SpanStatus::Fault => (styles.bad, "✗"),
            SpanStatus::Running => (styles.dim, "…"),
        };
        let took = span.duration_ms.map_or_else(|| "running".to_owned(), human::duration);
        let name = match &span.operation {
            Some(operation) => format!("{} {operation}", span.name),
            None => span.name.clone(),
        };
        let indent = (span.depth * 2).min(NAMES / 2);
        let name = human::shorten(&name, NAMES - indent);
        let at = human::duration(span.offset_ms);
        writeln!(
            out,
            "{style}{mark}{style:#} {:indent$}{name:<width$} {style}{}{style:#} {dim}{at:>8}{dim:#} {took:>8}",
            "",
            bar(span, waterfall.duration_ms),
            width = NAMES - indent,
        )?;
        let status = span.http_status.filter(|status| *status >= 400).map(|status| format!("HTTP {status}"));
        let problem = [status, span.problem.clone()].into_iter().flatten().collect::<Vec<_>>().join(", ");
        for line in human::wrap(&problem, 74 - indent).iter().filter(|line| !line.is_empty()) {
            writeln!(out, "  {:indent$}  {style}{line}{style:#}", "")?;
        }
        let noted: Vec<String> = span.annotations.iter().map(|(key, value)| format!("{key}={value}")).collect();
        for line in human::wrap(&noted.join(" "), 74 - indent).iter().filter(|line| !line.is_empty()) {
            writeln!(out, "  {:indent$}  {dim}{line}{dim:#}", "")?;
        }
    }
    Ok(())
}

/// Where a span lies within its trace; at least one mark, or nobody would see it.
fn bar(span: &Span, whole_ms: f64) -> String {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "columns")]
    let column =
        |at_ms: f64| ((at_ms / whole_ms.max(f64::MIN_POSITIVE) * BARS as f64).round().max(0.0) as usize).min(BARS);
    let start = column(span.offset_ms).min(BARS - 1);
    // What still runs reaches to the end.
    let end = span.duration_ms.map_or(BARS, |took| column(span.offset_ms + took)).max(start + 1);
    format!("{}{}{}", "·".repeat(start), "█".repeat(end - start), "·".repeat(BARS - end))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::snapshot::samples;

    #[test]
    fn a_waterfall_is_readable_at_80_columns() {
        let span =
            |depth, name, operation, from, took, status| Span::sample(depth, (name, operation), (from, took), status);
        let mut spans = vec![
            span(0, "lambda-processing-dev", None, 0.0, Some(400.0), SpanStatus::Ok),
            span(1, "processing", None, 20.0, Some(370.0), SpanStatus::Ok),
            span(2, "DynamoDB", Some("GetItem"), 30.0, Some(4.2), SpanStatus::Ok),
            span(2, "DynamoDB", Some("UpdateItem"), 100.0, Some(50.0), SpanStatus::Error),
            span(0, "a-function-with-a-name-that-is-far-too-long-for-it", None, 390.0, None, SpanStatus::Running),
        ];
        spans[1].annotations = BTreeMap::from([("symbol".to_owned(), "BTCUSDT".to_owned())]);
        let waterfall = Waterfall {
            id: "1-5ff7a180-0123456789abcdef01234567".to_owned(),
            started_at: samples::now(),
            duration_ms: 400.0,
            cut: false,
            spans,
        };
        let mut text = Vec::new();
        ShowReport(vec![waterfall]).write_text(&mut text, &Styles::default()).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }
}
