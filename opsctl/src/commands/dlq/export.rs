//! `opsctl dlq export`: every letter, one JSON document a line.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::error::{ExitStatus, Result};
use crate::feed::stop::Stop;
use crate::human;
use crate::letters::{Export, ExportFile, Selectors, export};
use crate::output::{Report, Styles};
use crate::stack::StageName;

/// What `--help` begins with.
pub(super) const LONG_ABOUT: &str = "\
Write every letter of the queues, each once, one JSON document a line: message id, origin, code, reason, faults, times, \
attributes, and the body as it is.

Every letter is read: each is hidden from others for the seconds that this takes, then given back. The number of letters \
is compared with what SQS counted; exit code 5 says that fewer were read. A file gets its name once it is whole, is \
readable by its owner only, and never overwrites another.";

/// Arguments of `opsctl dlq export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Whose queues
    #[arg(value_enum, value_name = "STAGE", required = true)]
    pub stages: Vec<StageName>,

    /// Where to; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub to: PathBuf,

    /// Which letters.
    #[command(flatten)]
    pub selectors: Selectors,
}

/// What was exported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExportReport {
    /// The stack's environment.
    pub environment: String,
    /// Where to.
    pub to: String,
    /// True when somebody stopped it.
    pub stopped: bool,
    /// True when `--limit` ended it.
    pub limited: bool,
    /// What of each queue.
    pub queues: Vec<Export>,
}

impl Report for ExportReport {
    fn exit_status(&self) -> ExitStatus {
        let complete = self.limited || self.queues.iter().all(Export::is_complete);
        if complete && !self.stopped { ExitStatus::Fine } else { ExitStatus::Partly }
    }

    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, warn, bad, .. } = *styles;
        for queue in &self.queues {
            let stage = queue.stage.as_str();
            let letters = human::count(queue.exported, "letter");
            writeln!(out, "{heading}{stage:<13}{heading:#} {letters} of {} read", queue.read)?;
            if let Some(error) = &queue.error {
                writeln!(out, "  {bad}ended early{bad:#}: {error}")?;
            } else if !queue.is_complete() && !self.limited && !self.stopped {
                let counted = queue.counted;
                let taken = if counted.in_flight > 0 {
                    format!(", {} of them in somebody else's hand", counted.in_flight)
                } else {
                    String::new()
                };
                writeln!(out, "  {warn}not complete{warn:#}: SQS counted {}{taken}", counted.total())?;
                writeln!(out, "  (its count may be a minute late; run it again to be sure)")?;
            }
            if queue.not_given_back > 0 {
                let letters = human::count(queue.not_given_back, "letter");
                writeln!(out, "  {warn}{letters} could not be given back{warn:#}: seen again within a minute")?;
            }
        }
        if self.stopped {
            writeln!(out, "{warn}stopped{warn:#} before every letter was read")?;
        }
        writeln!(out, "written to {}", self.to)
    }
}

/// Exports. The report of an export to standard output goes to standard error.
pub async fn run(context: &Context, args: &ExportArgs) -> Result<ExitStatus> {
    let to_standard_output = args.to.as_os_str() == "-";
    let mut file = if to_standard_output { ExportFile::standard_output() } else { ExportFile::whole(&args.to)? };
    let target = context.target().await?;
    let stop = Stop::on_ctrl_c();
    let spinner = context.printer.spinner("reading the dead letter queues");
    let mut left = args.selectors.limit.map_or(u64::MAX, u64::from);
    let mut queues: Vec<Export> = Vec::new();
    for stage in super::chosen(&args.stages) {
        if left == 0 || stop.is_requested() {
            break;
        }
        let queue = (stage, target.stack.stages.get(stage));
        let progress = |read| spinner.set_message(format!("{stage}: {read} letters read"));
        let export = export(&target.clients.sqs, queue, &args.selectors, left, &mut file, &stop, progress).await?;
        left -= export.exported;
        queues.push(export);
        // What was written until then is of use; another queue would fail for the same reason.
        if queues.iter().any(|queue| queue.error.is_some()) {
            break;
        }
    }
    let to = file.name().to_owned();
    file.finish()?;
    spinner.finish_and_clear();
    let report = ExportReport {
        environment: target.stack.environment,
        to,
        stopped: stop.is_requested(),
        limited: left == 0,
        queues,
    };
    if to_standard_output {
        context.printer.explain(&report)?;
        Ok(report.exit_status())
    } else {
        context.printer.report(&report)
    }
}
