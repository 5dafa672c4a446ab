//! `opsctl events list`.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::args::{ListArgs, filter};
use crate::aws::events::{self, Found, Search};
use crate::context::Context;
use crate::error::Result;
use crate::filter::Filter;
use crate::human;
use crate::output::{Report, Styles};
use crate::snapshot::text::event_line;

#[derive(Debug, Serialize)]
pub(super) struct ListReport {
    filter: Filter,
    until: Option<Timestamp>,
    #[serde(flatten)]
    found: Found,
}

/// Finds the latest events that the filter lets pass.
pub(super) async fn run(context: &Context, args: &ListArgs) -> Result<ListReport> {
    let filter = filter(&args.filter)?;
    let target = context.target().await?;
    let search = Search {
        types: filter.types(),
        symbol: filter.one_symbol(),
        until: args.at.map(|when| when.resolve(Timestamp::now())),
        limit: usize::from(args.limit),
        look_at: usize::try_from(args.look_at).unwrap_or(usize::MAX),
    };
    let table = &target.stack.tables.events;
    let found = events::search(&target.clients.dynamodb, table, &search, |event| filter.matches(event)).await?;
    Ok(ListReport { filter, until: search.until, found })
}

impl Report for ListReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        for event in &self.found.events {
            writeln!(out, "{}", event_line(event, styles))?;
        }
        let dim = styles.dim;
        let of = if self.filter.is_empty() { String::new() } else { format!(" for {}", self.filter) };
        let until = self.until.map(|until| format!(", not after {}", until.strftime("%F %T UTC"))).unwrap_or_default();
        let older = if self.found.complete { "" } else { "; there are older ones" };
        let (found, rows) = (self.found.events.len() as u64, self.found.looked_at as u64);
        let (found, rows) = (human::count(found, "event"), human::count(rows, "row"));
        for line in human::wrap(&format!("{found}{of}{until}; looked at {rows}{older}"), 80) {
            writeln!(out, "{dim}{line}{dim:#}")?;
        }
        Ok(())
    }

    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        self.found.events.iter().map(serde_json::to_value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::samples;

    #[test]
    fn events_are_a_line_each_and_the_last_line_says_how_much_was_looked_at() {
        let events = samples::crash().events.data.unwrap();
        let found = Found { events, looked_at: 400, complete: false };
        let report = ListReport { filter: "symbol:btcusdt".parse().unwrap(), until: Some(samples::now()), found };
        let mut text = Vec::new();
        report.write_text(&mut text, &Styles::default()).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap());
        assert_eq!(report.json_lines().unwrap()[0]["symbol"], "BTCUSDT");
    }
}
