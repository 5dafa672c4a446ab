//! `opsctl trace list`.

use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::args::ListArgs;
use crate::aws::traces::{self, SpanStatus, TraceQuery, TraceSummary};
use crate::context::Context;
use crate::error::Result;
use crate::human;
use crate::output::{Report, Styles};

#[derive(Debug, Serialize)]
pub(super) struct ListReport {
    start: Timestamp,
    end: Timestamp,
    traces: Vec<TraceSummary>,
}

/// Finds the latest traces.
pub(super) async fn run(context: &Context, args: &ListArgs) -> Result<ListReport> {
    let target = context.target().await?;
    let now = Timestamp::now();
    let end = args.at.map_or(now, |when| when.resolve(now));
    let start = end.checked_sub(SignedDuration::from_mins(i64::from(args.minutes))).unwrap_or(Timestamp::UNIX_EPOCH);
    let annotations = [("event_id", &args.event), ("symbol", &args.symbol), ("event_type", &args.event_type)];
    let annotations = annotations.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value.clone()?)));
    let query = TraceQuery {
        service: args.service.clone(),
        annotations: annotations.collect(),
        failed: args.failed,
        slower_than: args.slower_than,
        ..TraceQuery::between(start, end, usize::from(args.limit))
    };
    let traces = traces::list(&target.clients.xray, &target.stack, &query).await?;
    Ok(ListReport { start, end, traces })
}

impl Report for ListReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        for trace in &self.traces {
            let style = match trace.status {
                SpanStatus::Ok => styles.good,
                SpanStatus::Running => styles.dim,
                SpanStatus::Error | SpanStatus::Throttled => styles.warn,
                SpanStatus::Fault => styles.bad,
            };
            writeln!(
                out,
                "{}  {:>8}  {style}{:<9}{style:#} {:<35}  {:<12} {}",
                trace.started_at.map(|at| at.strftime("%T").to_string()).unwrap_or_default(),
                trace.duration_ms.map(human::duration).unwrap_or_default(),
                trace.status.as_str(),
                trace.id,
                human::shorten(trace.annotation("symbol").unwrap_or_default(), 12),
                trace.annotation("event_type").unwrap_or_default(),
            )?;
        }
        let dim = styles.dim;
        let (start, end) = (self.start.strftime("%F %T"), self.end.strftime("%F %T UTC"));
        let number = human::count(self.traces.len() as u64, "trace");
        writeln!(out, "{dim}{number} between {start} and {end}{dim:#}")
    }

    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        self.traces.iter().map(serde_json::to_value).collect()
    }
}
