//! `opsctl journal`: what was changed, when, and with what outcome.

use std::collections::BTreeMap;
use std::io::{self, Write};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::error::{ExitStatus, Result};
use crate::human;
use crate::journal::{self, Entry, Outcome, Recording, State};
use crate::output::{Report, Styles};

/// What to show.
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// List the runs, the latest first
    List(ListArgs),

    /// Show a run: what it is, what it did, how it ended; everything it saved with --output json
    Show(ShowArgs),
}

/// Arguments of `opsctl journal list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Show at most so many
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub limit: usize,
}

/// Arguments of `opsctl journal show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The run, or `last`
    #[arg(value_name = "RUN", default_value = "last")]
    pub run: String,
}

/// Runs.
#[derive(Debug, Serialize)]
pub struct RunList {
    /// Where they are journaled.
    pub dir: String,
    /// The runs, the latest first.
    pub runs: Vec<Entry>,
    /// How many more there are.
    pub more: usize,
    #[serde(skip)]
    now: Timestamp,
}

impl Report for RunList {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, dim, .. } = *styles;
        if self.runs.is_empty() {
            return writeln!(out, "nothing was changed yet: there is no run in {}", self.dir);
        }
        for entry in &self.runs {
            let header = &entry.header;
            let style = style(entry.state, styles);
            writeln!(
                out,
                "{heading}{}{heading:#}  {style}{:11}{style:#}  {} in {}, {} ago",
                header.run,
                entry.state.as_str(),
                header.command,
                header.environment,
                human::since(header.started_at, self.now),
            )?;
            if let Some(finish) = &entry.finish {
                for line in human::wrap(&finish.summary, 76) {
                    writeln!(out, "    {dim}{line}{dim:#}")?;
                }
            }
        }
        if self.more > 0 {
            writeln!(out, "{dim}{} more: --limit{dim:#}", self.more)?;
        }
        Ok(())
    }

    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        self.runs.iter().map(serde_json::to_value).collect()
    }
}

impl Report for Recording {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, warn, dim, .. } = *styles;
        let Entry { header, state, finish, path } = &self.entry;
        let style = style(*state, styles);
        writeln!(out, "{heading}{}{heading:#}  {style}{}{style:#}", header.run, state.as_str())?;
        let place = format!("{}, account {}, {}", header.environment, header.account_id, header.region);
        writeln!(out, "  command   {} ({})", header.command, header.change)?;
        writeln!(out, "  stack     {place}")?;
        writeln!(out, "  started   {}", market::time::format(header.started_at))?;
        if let Some(finish) = finish {
            writeln!(out, "  ended     {}", market::time::format(finish.at))?;
            for (number, line) in human::wrap(&finish.summary, 67).into_iter().enumerate() {
                writeln!(out, "  {:8}  {line}", if number == 0 { "outcome" } else { "" })?;
            }
        }
        writeln!(out, "  arguments {}", human::shorten(&header.arguments.to_string(), 67))?;
        writeln!(out, "  file      {}", path.display())?;
        if self.torn {
            writeln!(out, "  {warn}its last line is half a line: the run was cut off while it wrote{warn:#}")?;
        }
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        for record in &self.records {
            *kinds.entry(record["record"].as_str().unwrap_or("?")).or_default() += 1;
        }
        let counts: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        writeln!(out, "  records   {}", if counts.is_empty() { "none".to_owned() } else { counts.join(", ") })?;
        for record in &self.records {
            let kind = record["record"].as_str().unwrap_or("?");
            writeln!(out, "{kind:10} {dim}{}{dim:#}", human::shorten(&fields(record), 69))?;
        }
        Ok(())
    }

    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        let entry = serde_json::to_value(&self.entry)?;
        Ok(std::iter::once(entry).chain(self.records.iter().cloned()).collect())
    }
}

/// The short fields of a record on one line, the event's id first. Bodies are for JSON.
fn fields(record: &Value) -> String {
    let mut fields: Vec<(&String, &Value)> = record.as_object().into_iter().flatten().collect();
    fields.retain(|(name, _)| !matches!(name.as_str(), "record" | "body" | "original"));
    fields.sort_by_key(|(name, _)| name.as_str() != "event_id");
    let fields = fields.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some(format!("{name}={text}")),
        Value::Number(_) | Value::Bool(_) => Some(format!("{name}={value}")),
        Value::Array(values) => {
            let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            Some(format!("{name}={}", values.join(",")))
        }
        Value::Null | Value::Object(_) => None,
    });
    fields.collect::<Vec<_>>().join(" ")
}

fn style(state: State, styles: &Styles) -> anstyle::Style {
    match state {
        State::Ended(Outcome::Done) => styles.good,
        State::Running | State::Ended(Outcome::Partly | Outcome::Stopped) => styles.warn,
        State::Interrupted | State::Ended(Outcome::Failed) => styles.bad,
    }
}

/// Shows runs.
pub fn run(context: &Context, command: &JournalCommand) -> Result<ExitStatus> {
    let dir = context.journal_dir()?;
    match command {
        JournalCommand::List(args) => {
            let mut runs = journal::list(&dir)?;
            let more = runs.len().saturating_sub(args.limit);
            runs.truncate(args.limit);
            let list = RunList { dir: dir.display().to_string(), runs, more, now: Timestamp::now() };
            context.printer.report(&list)
        }
        JournalCommand::Show(args) => {
            let run = journal::find(&dir, &args.run, |_| true)?;
            context.printer.report(&journal::open(&dir, &run)?)
        }
    }
}
