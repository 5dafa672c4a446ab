//! `opsctl replay start`.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::progress::{WatchReport, watch};
use crate::aws::archive;
use crate::change::{Change, Preview};
use crate::context::{Context, Target};
use crate::error::{Error, ExitStatus, Result};
use crate::invocation::opsctl;
use crate::journal::{Header, Journal, Outcome};
use crate::output::{Report, Styles};
use crate::replay::{LAG, ReplayPlan, Span, new_name, plan};
use crate::stack::StageName;
use crate::when::When;

/// What `--help` begins with.
pub(super) const LONG_ABOUT: &str = "\
Replay what the archive has of a time span, by the time at which events were published. Events keep their ids, so stages \
drop what they have processed and do what they have not: a replay repairs what was lost and changes nothing else. It may \
bring events in another order.

By default only Raw events are replayed, to ingestion: Validated and Alert events come of them by themselves. Replayed \
events send no mail, except by alert rules with send_on_replay.

Before it starts it is shown how many events there are (as the rules' metric counted them), what they cost, and what \
stands against it. Events may come to the archive ten minutes late, so a span that ends later than ten minutes ago is \
refused without --force (not on a local stack).

Times are UTC: 14:32 (the last one), 2026-11-22T14:32:00Z, `10m` ago, or now.";

/// Arguments of `opsctl replay start`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The first time
    #[arg(long, value_name = "TIME")]
    pub from: When,

    /// The last time
    #[arg(long, value_name = "TIME")]
    pub to: When,

    /// Which rules get the events
    #[arg(long, value_enum, value_name = "RULES", value_delimiter = ',', default_value = "raw")]
    pub rules: Vec<Rules>,

    /// Name of the replay [default: a new one]
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub name: Option<String>,

    /// Replay although the archive may not have the last events yet
    #[arg(long)]
    pub force: bool,

    /// Only show what would be done
    #[arg(long)]
    pub dry_run: bool,

    /// Watch it until it ends
    #[arg(long, short, conflicts_with = "dry_run")]
    pub wait: bool,
}

/// Which rules get the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Rules {
    /// Ingestion's: events of the feeds
    Raw,
    /// Processing's: events that ingestion published
    Validated,
    /// Notification's: alerts that processing published
    Alert,
    /// All three
    All,
}

impl Rules {
    fn cover(self, stage: StageName) -> bool {
        match self {
            Self::Raw => stage == StageName::Ingestion,
            Self::Validated => stage == StageName::Processing,
            Self::Alert => stage == StageName::Notification,
            Self::All => true,
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StartReport {
    /// What was planned.
    pub plan: ReplayPlan,
    /// False when it was only shown.
    pub started: bool,
    /// The run in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// How it went, with `--wait`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<WatchReport>,
    /// What was to be confirmed.
    pub preview: Preview,
}

impl Report for StartReport {
    fn exit_status(&self) -> ExitStatus {
        self.watch.as_ref().map_or(ExitStatus::Fine, Report::exit_status)
    }

    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { good, dim, .. } = *styles;
        if !self.started {
            self.plan.write_text(out, styles)?;
            self.preview.write_text(out, styles)?;
            return writeln!(out, "{dim}nothing was started: --dry-run{dim:#}");
        }
        if let Some(watch) = &self.watch {
            return watch.write_text(out, styles);
        }
        let name = &self.plan.name;
        writeln!(out, "{good}started{good:#} {name}")?;
        writeln!(out, "{dim}→ {}{dim:#}", super::next(name))?;
        let show = |run| opsctl(format!("journal show {run}"));
        self.run.iter().try_for_each(|run| writeln!(out, "{dim}journal: {}{dim:#}", show(run)))
    }
}

fn name(text: &str) -> Result<String, String> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    if (1..=64).contains(&text.len()) && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 64 letters, digits, dots, hyphens or underscores".to_owned())
    }
}

/// The times that are meant, checked.
fn span(args: &StartArgs, now: Timestamp) -> Result<Span> {
    let span = Span { from: args.from.resolve(now), to: args.to.resolve(now) };
    if span.from >= span.to {
        return Err(Error::usage(
            format!("--from {} is not before --to {}", span.from, span.to),
            "a time of day is the last such time, so it may be yesterday's: give the date too",
        ));
    }
    if span.to > now {
        return Err(Error::usage(format!("--to {} is in the future", span.to), "give `now` or a time that is over"));
    }
    Ok(span)
}

/// Plans, asks, starts, and with `--wait` watches.
pub async fn run(context: &Context, args: &StartArgs) -> Result<StartReport> {
    let now = Timestamp::now();
    let span = span(args, now)?;
    let target = context.target().await?;
    let Target { stack, clients, connection } = &target;
    let gate = context.gate(stack);
    if !args.dry_run {
        gate.allows(Change::StartReplay)?;
    }
    // The emulator's archive has an event at once.
    let lags = now.duration_since(span.to) < LAG && !connection.test_credentials;
    if lags && !args.force && !args.dry_run {
        return Err(Error::refused(
            format!("refused to start a replay: --to {} is less than ten minutes ago", span.to),
            "events may come to the archive ten minutes late: wait, or replay without the last ones with --force",
        ));
    }
    let stages: Vec<StageName> =
        StageName::ALL.into_iter().filter(|stage| args.rules.iter().any(|rules| rules.cover(*stage))).collect();
    let name = args.name.clone().unwrap_or_else(|| new_name(&stack.environment, now));
    let spinner = context.printer.spinner("counting the events of that time");
    let plan = plan(clients, stack, name, span, &stages, now).await;
    spinner.finish_and_clear();
    let plan = ReplayPlan { too_fresh: lags, ..plan? };
    let preview = plan.preview(stack);
    if args.dry_run {
        return Ok(StartReport { plan, started: false, run: None, watch: None, preview });
    }
    context.printer.explain(&plan)?;
    let permit = context.confirm(&gate, &preview)?;
    let new = plan.new_replay();
    let header = Header::new("replay start", Change::StartReplay, stack, json!({ "replay": new }));
    let journal = Journal::create(&context.journal_dir()?, &header)?;
    let started = archive::start(&clients.eventbridge, stack, &new, &permit).await;
    match &started {
        Ok(()) => journal.finish(Outcome::Done, format!("{} was started", new.name))?,
        // The error itself matters more than a journal that could not be ended.
        Err(error) => drop(journal.finish(Outcome::Failed, error.to_string())),
    }
    started?;
    let watch = if args.wait { Some(watch(context, &target, &new.name).await?) } else { None };
    Ok(StartReport { plan, started: true, run: Some(header.run.to_string()), watch, preview })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(from: &str, to: &str) -> StartArgs {
        StartArgs {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            rules: vec![Rules::Raw],
            name: None,
            force: false,
            dry_run: false,
            wait: false,
        }
    }

    #[test]
    fn a_span_ends_after_it_began_and_before_now() {
        let now = "2026-11-24T15:00:00Z".parse().unwrap();
        let good = span(&args("14:00", "14:30"), now).unwrap();
        assert_eq!(good.to.duration_since(good.from).as_secs(), 1800);
        assert!(span(&args("20m", "now"), now).is_ok());
        // 15:30 was yesterday.
        for (from, to) in
            [("14:00", "15:30"), ("14:30", "14:00"), ("14:00", "14:00"), ("14:00", "2026-11-24T16:00:00Z")]
        {
            let error = span(&args(from, to), now).unwrap_err();
            assert_eq!(error.exit_status(), ExitStatus::Usage, "{from} {to}");
        }
    }

    #[test]
    fn names_are_what_aws_takes_and_no_two_are_the_same() {
        for environment in ["dev", &"e".repeat(80)] {
            let now = Timestamp::now();
            let (one, other) = (new_name(environment, now), new_name(environment, now));
            assert_ne!(one, other);
            assert_eq!(name(&one), Ok(one.clone()));
        }
        for text in ["", "a b", &"n".repeat(65)] {
            assert!(name(text).is_err(), "{text}");
        }
    }
}
