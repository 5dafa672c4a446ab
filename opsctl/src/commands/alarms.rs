//! `opsctl alarms`: how the alarms are or were, and what one of them did.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::aws::alarms::{self, Alarm, AlarmState, Transition};
use crate::context::Context;
use crate::error::{Error, ExitStatus, Result};
use crate::human;
use crate::output::{Report, Styles};
use crate::stack::{AlarmName, Stack};
use crate::when::{self, When};

/// Arguments of `opsctl alarms`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, flatten_help = true)]
pub struct AlarmsArgs {
    /// What to do; without it, list.
    #[command(subcommand)]
    pub command: Option<AlarmsCommand>,

    /// What `list` takes.
    #[command(flatten)]
    pub list: ListArgs,
}

/// The commands of `opsctl alarms`.
#[derive(Debug, Subcommand)]
pub enum AlarmsCommand {
    /// Show every alarm of the stack, the ringing ones first
    List(ListArgs),
    /// Show when an alarm rang and went quiet, and why
    History(HistoryArgs),
}

/// Arguments of `opsctl alarms list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// As it was at a time: 10m (ago), 14:32 (UTC), 2026-11-22T14:32:00Z; AWS keeps 30 days
    #[arg(long, value_name = "TIME")]
    pub at: Option<When>,
}

/// Arguments of `opsctl alarms history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The alarm's name, or a part of it that only one has: processing-errors
    pub name: String,

    /// How far back to look: 90m, 24h, 30d
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = when::duration)]
    pub since: SignedDuration,

    /// At most so many changes, the latest
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
}

/// `opsctl alarms …`.
pub async fn run(context: &Context, args: &AlarmsArgs) -> Result<ExitStatus> {
    let printer = &context.printer;
    match &args.command {
        None => printer.report(&list(context, &args.list).await?),
        Some(AlarmsCommand::List(args)) => printer.report(&list(context, args).await?),
        Some(AlarmsCommand::History(args)) => printer.report(&history(context, args).await?),
    }
}

async fn list(context: &Context, args: &ListArgs) -> Result<AlarmsReport> {
    let target = context.target().await?;
    let now = Timestamp::now();
    let at = args.at.map(|when| when.resolve(now));
    let client = &target.clients.cloudwatch;
    let alarms = alarms::read(client, &target.stack.alarms).await?;
    let alarms = match at {
        Some(at) => alarms::at(client, alarms, at, now).await?,
        None => alarms,
    };
    Ok(AlarmsReport { at: at.unwrap_or(now), past: at.is_some(), alarms })
}

async fn history(context: &Context, args: &HistoryArgs) -> Result<HistoryReport> {
    let target = context.target().await?;
    let alarm = find(&target.stack, &args.name)?;
    let now = Timestamp::now();
    let start = now.checked_sub(args.since).unwrap_or(Timestamp::UNIX_EPOCH);
    let client = &target.clients.cloudwatch;
    let changes = alarms::history(client, &alarm.name, start, now, usize::from(args.limit)).await?;
    Ok(HistoryReport { alarm: alarm.name.clone(), since: start, until: now, changes })
}

/// The alarm of that name, or the only one whose name has that in it.
fn find<'a>(stack: &'a Stack, name: &str) -> Result<&'a AlarmName> {
    if let Some(alarm) = stack.alarms.iter().find(|alarm| alarm.name == name) {
        return Ok(alarm);
    }
    let similar: Vec<&AlarmName> = stack.alarms.iter().filter(|alarm| alarm.name.contains(name)).collect();
    match similar.as_slice() {
        [alarm] => Ok(alarm),
        [] => Err(Error::usage(format!("the stack has no alarm {name:?}"), "`opsctl alarms` lists those that it has")),
        several => {
            let names: Vec<&str> = several.iter().map(|alarm| alarm.name.as_str()).collect();
            Err(Error::usage(format!("{name:?} is in the names of {} alarms", names.len()), names.join(", ")))
        }
    }
}

#[derive(Debug, Serialize)]
struct AlarmsReport {
    at: Timestamp,
    past: bool,
    alarms: Vec<Alarm>,
}

impl Report for AlarmsReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let count = |state| self.alarms.iter().filter(|alarm| alarm.state == state).count();
        let heading = styles.heading;
        let past = if self.past { ", in the past" } else { "" };
        writeln!(
            out,
            "{heading}{} ringing, {} without data, {} ok, {} missing{heading:#} at {}{past}",
            count(AlarmState::Alarm),
            count(AlarmState::InsufficientData),
            count(AlarmState::Ok),
            count(AlarmState::Missing),
            self.at.strftime("%F %T UTC"),
        )?;
        for alarm in &self.alarms {
            let (style, mark) = match alarm.state {
                AlarmState::Alarm => (styles.bad, "✗"),
                AlarmState::Missing => (styles.warn, "!"),
                AlarmState::InsufficientData => (styles.dim, "?"),
                AlarmState::Ok => (styles.good, "·"),
            };
            let since = alarm.since.map(|since| human::since(since, self.at)).unwrap_or_default();
            let muted = if alarm.actions_enabled { "" } else { "  muted" };
            writeln!(
                out,
                "{style}{mark} {:<7}{style:#} {:<48} {since:>10}{muted}",
                alarm.state.as_str(),
                human::shorten(&alarm.name, 48),
            )?;
            if let Some(reason) = alarm.reason.as_ref().filter(|_| alarm.state == AlarmState::Alarm) {
                write_reason(out, reason, 10, styles)?;
            }
        }
        Ok(())
    }

    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        self.alarms.iter().map(serde_json::to_value).collect()
    }
}

#[derive(Debug, Serialize)]
struct HistoryReport {
    alarm: String,
    since: Timestamp,
    until: Timestamp,
    changes: Vec<Transition>,
}

impl Report for HistoryReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let heading = styles.heading;
        writeln!(out, "{heading}{}{heading:#} since {}", self.alarm, self.since.strftime("%F %T UTC"))?;
        if self.changes.is_empty() {
            return writeln!(out, "  it did not change");
        }
        for (index, change) in self.changes.iter().enumerate() {
            let style = match change.to {
                AlarmState::Alarm => styles.bad,
                AlarmState::Ok => styles.good,
                AlarmState::InsufficientData | AlarmState::Missing => styles.dim,
            };
            // The changes are newest first, so what ended this state stands before it.
            let end = index.checked_sub(1).and_then(|newer| self.changes.get(newer)).map(|newer| newer.at);
            let lasted = match end {
                Some(end) => format!("for {}", human::since(change.at, end)),
                None => format!("since {}", human::since(change.at, self.until)),
            };
            writeln!(
                out,
                "  {}  {style}{:<8}{style:#} {lasted:<16} was {}",
                change.at.strftime("%F %T"),
                change.to.as_str(),
                change.from.as_str(),
            )?;
            if let Some(reason) = &change.reason {
                write_reason(out, reason, 23, styles)?;
            }
        }
        Ok(())
    }

    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        self.changes.iter().map(serde_json::to_value).collect()
    }
}

fn write_reason(out: &mut dyn Write, reason: &str, indent: usize, styles: &Styles) -> io::Result<()> {
    let dim = styles.dim;
    let reason = reason.trim_start_matches("Threshold Crossed: ");
    for line in human::wrap(reason, 80 - indent) {
        writeln!(out, "{:indent$}{dim}{line}{dim:#}", "")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::samples;

    fn text(report: &impl Report) -> String {
        let mut text = Vec::new();
        report.write_text(&mut text, &Styles::default()).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        text
    }

    #[test]
    fn ringing_alarms_say_why_and_the_others_are_one_line_each() {
        let mut alarms = samples::unhealthy().alarms.data.unwrap();
        alarms.sort_by_key(|alarm| alarm.state);
        alarms.truncate(6);
        insta::assert_snapshot!(text(&AlarmsReport { at: samples::now(), past: false, alarms }));
    }

    #[test]
    fn a_history_tells_how_long_each_state_lasted() {
        let change = |seconds: i64, from, to| Transition {
            alarm: "alarm-processing-errors-dev".to_owned(),
            at: samples::now() - SignedDuration::from_secs(seconds),
            from,
            to,
            reason: Some("Threshold Crossed: 1 out of the last 1 datapoints [37.0] was greater than 0.0".to_owned()),
        };
        let changes = vec![
            change(60, AlarmState::Alarm, AlarmState::Ok),
            change(360, AlarmState::Ok, AlarmState::Alarm),
            change(86_400, AlarmState::InsufficientData, AlarmState::Ok),
        ];
        let report = HistoryReport {
            alarm: "alarm-processing-errors-dev".to_owned(),
            since: samples::now() - SignedDuration::from_hours(168),
            until: samples::now(),
            changes,
        };
        insta::assert_snapshot!(text(&report));
        assert_eq!(report.json_lines().unwrap().len(), 3);
    }

    #[test]
    fn an_alarm_is_found_by_a_part_of_its_name_that_only_one_has() {
        let stack = crate::stack::samples::stack();
        assert_eq!(find(&stack, "processing-errors").unwrap().name, "alarm-processing-errors-dev");
        for name in ["errors", "no-such-alarm"] {
            assert_eq!(find(&stack, name).unwrap_err().exit_status(), ExitStatus::Usage, "{name}");
        }
    }
}
