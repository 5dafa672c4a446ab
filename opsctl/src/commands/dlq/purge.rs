//! `opsctl dlq purge`: letters deleted for good, after they were written to a file.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::change::Change;
use crate::context::Context;
use crate::error::{Error, ExitStatus, Result};
use crate::feed::stop::Stop;
use crate::human;
use crate::invocation::opsctl;
use crate::journal::{Header, Journal, Outcome};
use crate::letters::{Purge, PurgePlan, Purging, Selectors, plan, purge};
use crate::output::{Report, Styles};
use crate::stack::StageName;

/// What `--help` begins with.
pub(super) const LONG_ABOUT: &str = "\
Delete letters of a dead letter queue for good. To have their events processed, use `opsctl redrive dlq` instead.

First every letter is read and given back, and what would be deleted is shown; the queue's name must be typed to go on. \
Then each letter is written to a file, synced to disk, and only then deleted, one by one: what comes in after the preview \
stays. Ctrl-C ends it between two batches; run it again to go on. Exit code 5 says that some were not deleted.";

/// So many letters that could not be deleted are shown.
const SHOWN: usize = 10;

/// Arguments of `opsctl dlq purge`.
#[derive(Debug, Args)]
pub struct PurgeArgs {
    /// Whose queue
    #[arg(value_enum, value_name = "STAGE")]
    pub stage: StageName,

    /// Where the letters are written first [default: a file of the run below the journal's directory]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,

    /// Which letters.
    #[command(flatten)]
    pub selectors: Selectors,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PurgeReport {
    /// There was nothing to delete.
    Nothing {
        /// The stage.
        stage: StageName,
        /// How many letters were read.
        read: u64,
    },
    /// It was done, or some of it.
    Done(Box<Purge>),
}

impl Report for PurgeReport {
    fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Nothing { .. } => ExitStatus::Fine,
            Self::Done(purge) => match purge.outcome() {
                Outcome::Done => ExitStatus::Fine,
                Outcome::Partly | Outcome::Stopped => ExitStatus::Partly,
                Outcome::Failed => ExitStatus::Failed,
            },
        }
    }

    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, warn, bad, .. } = *styles;
        let purge = match self {
            Self::Nothing { stage, read: 0 } => {
                return writeln!(out, "nothing to delete: the queue of {stage} is empty");
            }
            Self::Nothing { stage, read } => {
                return writeln!(
                    out,
                    "nothing to delete: none of the {} of {stage} is meant",
                    human::count(*read, "letter")
                );
            }
            Self::Done(purge) => purge,
        };
        let progress = purge.progress;
        let letters = human::count(progress.planned, "letter");
        writeln!(out, "{heading}{} of {letters} of {} deleted{heading:#}", progress.deleted, purge.stage)?;
        if purge.stopped {
            writeln!(out, "{warn}stopped{warn:#} before all were; run it again to go on")?;
        }
        if let Some(error) = &purge.error {
            writeln!(out, "{bad}ended early{bad:#}: {error}")?;
            writeln!(out, "  → {}", error.help())?;
        }
        if purge.not_found() > 0 {
            let letters = human::count(purge.not_found(), "letter");
            writeln!(out, "{warn}{letters} were not found{warn:#}: in somebody else's hand, or deleted by them")?;
        }
        for letter in purge.undeleted.iter().take(SHOWN) {
            writeln!(out, "  {bad}not deleted{bad:#} {}: {}", letter.message_id, human::shorten(&letter.reason, 28))?;
        }
        if purge.undeleted.len() > SHOWN {
            writeln!(out, "  and {} more", purge.undeleted.len() - SHOWN)?;
        }
        if purge.not_given_back > 0 {
            let letters = human::count(purge.not_given_back, "letter");
            writeln!(out, "{warn}{letters} could not be given back{warn:#}: seen again within a minute")?;
        }
        writeln!(out, "written first to {}", purge.file.display())?;
        writeln!(out, "journal: {}", opsctl(format!("journal show {}", purge.run)))
    }
}

/// What is shown before the question.
impl Report for PurgePlan {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let (heading, now) = (styles.heading, Timestamp::now());
        writeln!(out, "{heading}{} of {} letters in {}{heading:#}", self.count(), self.read, self.queue)?;
        for cause in &self.causes {
            let words = if cause.example.is_empty() { "no message" } else { &cause.example };
            let line = format!("{} {}: {words}", cause.origin.words(), cause.code);
            writeln!(out, "{:>8} × {}", cause.count, human::shorten(&line, 69))?;
        }
        if let (Some(oldest), Some(latest)) = (self.oldest, self.latest) {
            writeln!(out, "  from {} ago to {} ago", human::since(oldest, now), human::since(latest, now))?;
        }
        writeln!(out)
    }
}

/// Plans, asks, deletes.
pub async fn run(context: &Context, args: &PurgeArgs) -> Result<PurgeReport> {
    let target = context.target().await?;
    let (client, stack) = (&target.clients.sqs, &target.stack);
    let gate = context.gate(stack);
    gate.allows(Change::Purge)?;
    let stop = Stop::on_ctrl_c();
    let spinner = context.printer.spinner("reading the dead letter queue");
    let progress = |read| spinner.set_message(format!("{read} letters read"));
    let plan = plan(client, stack, args.stage, &args.selectors, &stop, progress).await;
    spinner.finish_and_clear();
    let plan = plan?;
    if stop.is_requested() {
        return Err(Error::refused("refused to delete dead letters: stopped before it was asked", "run it again"));
    }
    if plan.ids.is_empty() {
        return Ok(PurgeReport::Nothing { stage: args.stage, read: plan.read });
    }
    let arguments = json!({ "stage": args.stage, "selectors": args.selectors, "planned": plan.count(), "to": args.to });
    let header = Header::new("dlq purge", Change::Purge, stack, arguments);
    let dir = context.journal_dir()?;
    let file = args.to.clone().unwrap_or_else(|| dir.join("purged").join(format!("{}.jsonl", header.run)));
    if file.exists() {
        return Err(Error::usage(format!("refused to overwrite {}", file.display()), "give another name to --to"));
    }
    context.printer.explain(&plan)?;
    let permit = context.confirm(&gate, &plan.preview(stack, &file))?;
    let journal = Journal::create(&dir, &header)?;
    let purging = Purging { client, stack, plan: &plan, file: &file, journal: &journal, permit: &permit };
    let bar = context.printer.progress(plan.count(), "deleting");
    let purge = purge(purging, &stop, |progress| bar.set_position(progress.deleted)).await;
    bar.finish_and_clear();
    Ok(PurgeReport::Done(Box::new(purge?)))
}
