//! `opsctl rules test`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::deployed;
use crate::context::Context;
use crate::error::{Error, ExitStatus, Result};
use crate::feed::source;
use crate::human;
use crate::output::{Report, Styles};
use crate::rules::document::{self, LocatedFault};
use crate::rules::rehearsal::{Rehearsal, Setup, rehearse};

/// What `--help` begins with.
pub(crate) const LONG_ABOUT: &str = "\
Let events pass a document, through the code of processing and notification: indicators, tags, conditions, cool-downs. \
Shows what each rule would have done and the mails that would have gone out. Nothing is sent anywhere.

DOCUMENT is a file, `-` for standard input, or `deployed` for the rules in use, which are then judged with the deployed \
settings of processing (window, limits of the tags); a file is judged with the defaults. Without --events, 46 seconds of \
the real market are used (BTCUSDT, 2,452 events).

The exit code is 0, 1 when the document cannot be used, and 5 when some of the events would be rejected.";

/// Recorded market data, for want of the user's own.
const SAMPLE: &str = include_str!("../../../../tests/data/btcusdt-2021-01-08.jsonl");
/// Bad lines that are shown one by one.
const SHOWN_REJECTIONS: usize = 5;

/// Arguments of `opsctl rules test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The document: a file, `-`, or `deployed`
    #[arg(value_name = "DOCUMENT")]
    pub document: PathBuf,

    /// Events, one JSON object a line, as feeds publish them [default: a recorded sample]
    #[arg(long, short, value_name = "FILE")]
    pub events: Option<PathBuf>,

    /// Mails to show in full; of the others the subject is shown
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub mails: usize,
}

/// What the rules would have done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestReport {
    /// Where the rules came from.
    pub rules_from: String,
    /// Where the events came from.
    pub events_from: String,
    /// Why the document cannot be used.
    pub faults: Vec<LocatedFault>,
    /// How processing is taken to be set.
    pub setup: Setup,
    /// What became of the events; none when the document cannot be used.
    pub outcome: Option<Rehearsal>,
    #[serde(skip)]
    full_mails: usize,
}

impl Report for TestReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, warn, bad, dim, .. } = *styles;
        let Self { rules_from, events_from, setup, .. } = self;
        let Some(outcome) = &self.outcome else {
            document::write_faults(out, rules_from, &self.faults, styles)?;
            return writeln!(out, "{bad}{rules_from} cannot be used{bad:#}");
        };
        writeln!(out, "{heading}{rules_from} on {}{heading:#}", human::count(outcome.events as u64, "event"))?;
        let span = outcome.span.map(|(first, last)| format!(", {} of them", human::since(first, last)));
        writeln!(out, "{dim}{events_from}{}; window {}{dim:#}", span.unwrap_or_default(), setup.window_size)?;
        for bad in outcome.rejected.iter().take(SHOWN_REJECTIONS) {
            writeln!(out, "{warn}rejected{warn:#} line {}: {}", bad.line, bad.reason)?;
        }
        let more = outcome.rejected.len().saturating_sub(SHOWN_REJECTIONS);
        if more > 0 {
            writeln!(out, "{warn}and {more} more are rejected{warn:#}")?;
        }
        if outcome.duplicates > 0 {
            writeln!(out, "{} dropped as duplicates", human::count(outcome.duplicates as u64, "event"))?;
        }
        let width = outcome.rules.iter().map(|rule| rule.rule.len()).max().unwrap_or_default().max(4);
        writeln!(out, "\n{heading}{:width$}  SEVERITY  LOOKED AT    FIRED    MAILS  SUPPRESSED{heading:#}", "RULE")?;
        for rule in &outcome.rules {
            let numbers = format!("{:>9}{:>9}{:>9}{:>12}", rule.looked_at, rule.fired, rule.mails, rule.suppressed);
            let style = if rule.mails > 0 { warn } else { dim };
            let off = if rule.enabled { "" } else { "  not enabled" };
            writeln!(out, "{style}{:width$}  {:8}  {numbers}{off}{style:#}", rule.rule, rule.severity)?;
        }
        for (index, mail) in outcome.mails.iter().enumerate() {
            if index == 0 {
                writeln!(out)?;
            }
            if index < self.full_mails {
                writeln!(out, "{heading}{}{heading:#}", mail.subject)?;
                for line in mail.text.lines() {
                    writeln!(out, "  {line}")?;
                }
            } else {
                writeln!(out, "{dim}{}{dim:#}  {}", market::time::format(mail.at), mail.subject)?;
            }
        }
        if outcome.mails.is_empty() {
            writeln!(out, "\nno mail would have gone out")?;
        }
        Ok(())
    }

    fn exit_status(&self) -> ExitStatus {
        match &self.outcome {
            None => ExitStatus::Failed,
            Some(outcome) if !outcome.rejected.is_empty() => ExitStatus::Partly,
            Some(_) => ExitStatus::Fine,
        }
    }
}

/// Tries the document on the events.
pub async fn run(context: &Context, args: &TestArgs) -> Result<TestReport> {
    let both_from_stdin =
        args.document.as_os_str() == "-" && args.events.as_ref().is_some_and(|file| file.as_os_str() == "-");
    if both_from_stdin {
        return Err(Error::usage(
            "the document and the events cannot both be standard input",
            "name a file for one of them",
        ));
    }
    let (text, rules_from, setup) = if args.document.as_os_str() == "deployed" {
        let target = context.target().await?;
        let (parameter, setup) = tokio::join!(deployed::read(&target, None), deployed::setup(&target));
        let parameter = parameter?;
        (parameter.value, format!("{} version {}", parameter.name, parameter.version), setup?)
    } else {
        let (text, origin) = document::read_file(&args.document)?;
        (text, origin, Setup::default())
    };
    let (lines, events_from) = match &args.events {
        Some(file) => (source::read(file)?, file.display().to_string()),
        None => (SAMPLE.to_owned(), "recorded BTCUSDT of 2021-01-08".to_owned()),
    };
    let (faults, outcome) = match document::check(&text) {
        Err(faults) => (faults, None),
        Ok(document) => {
            let (events, not_json) = source::parse(&lines);
            let mut outcome = rehearse(&document, &setup, &events, Timestamp::now());
            outcome.rejected.extend(not_json);
            outcome.rejected.sort_by_key(|bad| bad.line);
            (Vec::new(), Some(outcome))
        }
    };
    Ok(TestReport { rules_from, events_from, faults, setup, outcome, full_mails: args.mails })
}
