//! `opsctl rules show`.

use std::io::{self, Write};

use clap::Args;
use jiff::Timestamp;
use market::rules::{Rule, RulesDocument};
use serde::Serialize;

use super::deployed;
use crate::aws::parameters::Parameter;
use crate::context::Context;
use crate::error::{ExitStatus, Result};
use crate::human;
use crate::output::{Report, Styles};
use crate::rules::document::{self, LocatedFault};
use crate::rules::words;

/// Arguments of `opsctl rules show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// An earlier version; SSM keeps the last hundred
    #[arg(long = "at-version", value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    pub version: Option<i64>,
}

/// The rules in the parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShowReport {
    /// The environment.
    pub environment: String,
    /// Where they stand.
    #[serde(flatten)]
    pub parameter: Parameter,
    /// True when an earlier version was asked for.
    pub earlier: bool,
    /// The document; none when it cannot be used.
    pub document: Option<RulesDocument>,
    /// Why not.
    pub faults: Vec<LocatedFault>,
    /// When this was read.
    pub read_at: Timestamp,
}

impl ShowReport {
    fn new(environment: String, parameter: Parameter, earlier: bool, read_at: Timestamp) -> Self {
        let (document, faults) = match document::check(&parameter.value) {
            Ok(document) => (Some(document), Vec::new()),
            Err(faults) => (None, faults),
        };
        Self { environment, parameter, earlier, document, faults, read_at }
    }
}

impl Report for ShowReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, bad, dim, .. } = *styles;
        let Parameter { name, version, modified_at, .. } = &self.parameter;
        let since = modified_at.map(|time| format!(", written {} ago", human::since(time, self.read_at)));
        writeln!(out, "{heading}{name}{heading:#} version {version}{}", since.unwrap_or_default())?;
        if self.earlier {
            writeln!(out, "{dim}an earlier version, or the one in use: not looked up{dim:#}")?;
        } else {
            let who = "processing and notification use it within 60 s";
            writeln!(out, "{dim}{}: {who}{dim:#}", self.environment)?;
        }
        writeln!(out)?;
        let Some(document) = &self.document else {
            document::write_faults(out, name, &self.faults, styles)?;
            writeln!(
                out,
                "{bad}it cannot be used{bad:#}: running functions keep the last good rules, new ones have none"
            )?;
            return writeln!(out, "{dim}→ opsctl rules set FILE, or rules set --from-version N{dim:#}");
        };
        write_table(out, &document.rules, styles)
    }

    fn exit_status(&self) -> ExitStatus {
        if self.document.is_some() { ExitStatus::Fine } else { ExitStatus::Unhealthy }
    }
}

fn write_table(out: &mut dyn Write, rules: &[Rule], styles: &Styles) -> io::Result<()> {
    let Styles { heading, dim, .. } = *styles;
    if rules.is_empty() {
        return writeln!(out, "no rules: nobody is told of anything");
    }
    let head = ["RULE", "SEVERITY", "FIRES WHEN", "LOOKS AT", "COOL-DOWN"].map(str::to_owned);
    let rows: Vec<[String; 5]> = rules
        .iter()
        .map(|rule| {
            [
                rule.id.to_string(),
                rule.severity.to_string(),
                words::condition(&rule.condition),
                human::shorten(&words::scope(rule), 24),
                human::duration(f64::from(rule.cooldown_seconds) * 1000.0),
            ]
        })
        .collect();
    let widths: [usize; 5] = std::array::from_fn(|column| {
        rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    writeln!(out, "{heading}{}{heading:#}", line(&head))?;
    for (rule, row) in rules.iter().zip(&rows) {
        let replay = if rule.send_on_replay { ", on replays too" } else { "" };
        if rule.enabled {
            writeln!(out, "{}{replay}", line(row))?;
        } else {
            writeln!(out, "{dim}{}{replay}, not enabled{dim:#}", line(row))?;
        }
    }
    Ok(())
}

/// Reads the rules.
pub async fn run(context: &Context, args: &ShowArgs) -> Result<ShowReport> {
    let target = context.target().await?;
    let parameter = deployed::read(&target, args.version).await?;
    let environment = target.stack.environment.clone();
    Ok(ShowReport::new(environment, parameter, args.version.is_some(), Timestamp::now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(value: &str) -> ShowReport {
        let parameter = Parameter {
            name: "/market-data/dev/alert-rules".to_owned(),
            version: 7,
            modified_at: Some("2026-11-22T10:00:00Z".parse().unwrap()),
            value: value.to_owned(),
        };
        ShowReport::new("dev".to_owned(), parameter, false, "2026-11-22T12:00:00Z".parse().unwrap())
    }

    fn text(report: &ShowReport) -> String {
        let mut text = Vec::new();
        report.write_text(&mut text, &Styles::default()).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn the_rules_are_a_table() {
        let rules = r#"{"version":1,"rules":[
            {"id":"btc-above-100k","severity":"critical","symbols":["BTC*"],"event_types":["trade"],"condition":{"kind":"price_above","threshold":100000},"cooldown_seconds":3600},
            {"id":"move","severity":"info","symbols":["*"],"enabled":false,"condition":{"kind":"move","percent":1,"window_seconds":60},"send_on_replay":true}]}"#;
        insta::assert_snapshot!(text(&report(rules)));
        assert_eq!(report(rules).exit_status(), ExitStatus::Fine);
    }

    #[test]
    fn rules_that_cannot_be_used_are_a_bad_state() {
        let report = report("{\"version\":1,\n\"rules\":[{}]}");
        insta::assert_snapshot!(text(&report));
        assert_eq!(report.exit_status(), ExitStatus::Unhealthy);
    }
}
