//! `opsctl pause` and `opsctl resume`: keep a stage from taking events, and let it go on.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::redrive::{DlqArgs, RedriveReport, redrive_dlq};
use crate::aws::dead_letters::Depth;
use crate::change::{Change, Preview};
use crate::context::{Context, Target};
use crate::error::{ExitStatus, Result};
use crate::human;
use crate::invocation::opsctl;
use crate::journal::{Header, Journal};
use crate::output::{Report, Styles};
use crate::pausing::{self, StageSwitch};
use crate::stack::StageName;

/// What `opsctl pause --help` begins with.
pub(crate) const PAUSE_LONG_ABOUT: &str = "\
Keep a stage from taking events. Its reserved concurrency becomes zero, so Lambda sends each new event straight to the \
stage's dead letter queue, untried. Nothing is lost for the four days that the queue keeps a letter: `opsctl resume` and \
`opsctl redrive dlq` bring the events through. Pausing a paused stage changes nothing.";

/// What `opsctl resume --help` begins with.
pub(crate) const RESUME_LONG_ABOUT: &str = "\
Let a paused stage take events again, with the concurrency that Terraform deployed. Resuming a stage that is not paused \
changes nothing.

What came in meanwhile waits in the stage's dead letter queue. At a terminal the redrive of that queue is shown and asked \
for right away; elsewhere the command for it is printed. --redrive does it without being asked for, confirmed like any \
redrive; the exit code is then the redrive's.";

/// Arguments of `opsctl pause`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// Which stage
    #[arg(value_enum, value_name = "STAGE")]
    pub stage: StageName,

    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Arguments of `opsctl resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// Which stage
    #[arg(value_enum, value_name = "STAGE")]
    pub stage: StageName,

    /// Redrive its dead letter queue afterwards
    #[arg(long)]
    pub redrive: bool,
}

/// How the stage is now, and what became of what had gathered.
#[derive(Debug, Serialize)]
pub struct ResumeReport {
    /// How the stage is.
    #[serde(flatten)]
    pub switch: SwitchReport,
    /// The redrive of its queue, when there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redrive: Option<RedriveReport>,
}

impl Report for ResumeReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        self.switch.write_state(out, styles)?;
        match &self.redrive {
            Some(redrive) => redrive.write_text(out, styles),
            None => self.switch.write_letters(out, styles),
        }
    }

    fn exit_status(&self) -> ExitStatus {
        self.redrive.as_ref().map_or(ExitStatus::Fine, Report::exit_status)
    }

    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        let mut lines = self.switch.json_lines()?;
        if let Some(redrive) = &self.redrive {
            lines.extend(redrive.json_lines()?);
        }
        Ok(lines)
    }
}

/// How the stage is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SwitchReport {
    /// The stage.
    pub stage: StageName,
    /// Its function's name.
    pub function: String,
    /// True when it takes no events.
    pub paused: bool,
    /// Its reserved concurrency; none when it has none.
    pub reserved_concurrency: Option<u32>,
    /// False when it was so already.
    pub changed: bool,
    /// The name of its dead letter queue.
    pub queue: String,
    /// What waits there, as SQS estimates it.
    pub letters: Depth,
    /// The run in the journal, when something was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl Report for SwitchReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        self.write_state(out, styles)?;
        self.write_letters(out, styles)
    }
}

impl SwitchReport {
    fn write_state(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { good, warn, dim, .. } = *styles;
        let already = if self.changed { "" } else { " already" };
        let (stage, queue) = (self.stage, &self.queue);
        let limit = self.reserved_concurrency.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
        if self.paused {
            writeln!(out, "{warn}{stage} is{already} paused{warn:#}: its events go to {queue}")?;
            writeln!(out, "{dim}→ {}{dim:#}", opsctl(format!("resume {stage}")))?;
        } else if self.changed {
            writeln!(out, "{good}{stage} takes events again{good:#}, concurrency {limit}")?;
        } else {
            writeln!(out, "{good}{stage} is not paused{good:#}, concurrency {limit}")?;
        }
        match &self.run {
            Some(run) => writeln!(out, "{dim}journal: {}{dim:#}", opsctl(format!("journal show {run}"))),
            None => Ok(()),
        }
    }

    /// What waits in its queue, once somebody could take it.
    fn write_letters(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { warn, dim, .. } = *styles;
        if self.paused || self.letters.total() == 0 {
            return Ok(());
        }
        writeln!(out, "{warn}{}{warn:#} in {}", human::count(self.letters.total(), "letter"), self.queue)?;
        writeln!(out, "{dim}→ {}{dim:#}", opsctl(format!("redrive dlq {} --execute", self.stage)))
    }
}

/// Pauses.
pub async fn run_pause(context: &Context, args: &PauseArgs) -> Result<SwitchReport> {
    let target = context.target().await?;
    let (clients, stack) = (&target.clients, &target.stack);
    context.gate(stack).allows(Change::Pause)?;
    let switch = pausing::read(clients, stack, args.stage).await?;
    if switch.function.is_paused() {
        return Ok(report(switch, None, Some(0)));
    }
    let preview = switch.pause_preview(stack);
    let arguments = json!({ "stage": args.stage, "reason": args.reason });
    let (permit, journal) = begin(context, &target, "pause", &preview, arguments)?;
    pausing::pause(&clients.lambda, stack, &switch, &journal, &permit).await?;
    Ok(report(switch, Some(&journal), Some(0)))
}

/// Resumes, and redrives what gathered or offers to.
pub async fn run_resume(context: &Context, args: &ResumeArgs) -> Result<ResumeReport> {
    let target = context.target().await?;
    let switch = resume(context, &target, args.stage).await?;
    let gathered = !switch.paused && switch.letters.total() > 0;
    if !gathered || !(args.redrive || switch.changed && context.can_ask()) {
        return Ok(ResumeReport { switch, redrive: None });
    }
    let stage = args.stage;
    context.printer.note(format!("{stage} takes events. What lies in {} can be sent again:", switch.queue));
    match redrive_dlq(context, &DlqArgs::all_of(stage), target).await {
        Ok(redrive) => Ok(ResumeReport { switch, redrive: Some(redrive) }),
        // Whoever was only offered it may say no.
        Err(error) if !args.redrive && error.exit_status() == ExitStatus::Refused => {
            context.printer.note(error.to_string());
            Ok(ResumeReport { switch, redrive: None })
        }
        Err(error) => {
            context.printer.warn(format!("{stage} takes events, but its queue was not redriven"));
            Err(error)
        }
    }
}

async fn resume(context: &Context, target: &Target, stage: StageName) -> Result<SwitchReport> {
    let (clients, stack) = (&target.clients, &target.stack);
    context.gate(stack).allows(Change::Resume)?;
    let switch = pausing::read(clients, stack, stage).await?;
    let reserved = switch.function.reserved_concurrency;
    if !switch.function.is_paused() {
        return Ok(report(switch, None, reserved));
    }
    pausing::can_resume(&switch)?;
    let preview = switch.resume_preview(stack);
    let (permit, journal) = begin(context, target, "resume", &preview, json!({ "stage": stage }))?;
    pausing::resume(&clients.lambda, stack, &switch, &journal, &permit).await?;
    let deployed = switch.function.deployed_concurrency;
    Ok(report(switch, Some(&journal), deployed))
}

fn begin(
    context: &Context,
    target: &Target,
    command: &str,
    preview: &Preview,
    arguments: serde_json::Value,
) -> Result<(crate::change::Permit, Journal)> {
    let permit = context.confirm(&context.gate(&target.stack), preview)?;
    let header = Header::new(command, preview.change, &target.stack, arguments);
    Ok((permit, Journal::create(&context.journal_dir()?, &header)?))
}

fn report(switch: StageSwitch, journal: Option<&Journal>, reserved: Option<u32>) -> SwitchReport {
    SwitchReport {
        stage: switch.function.stage,
        function: switch.function.function,
        paused: reserved == Some(0),
        reserved_concurrency: reserved,
        changed: journal.is_some(),
        queue: switch.queue,
        letters: switch.letters,
        run: journal.map(|journal| journal.run().to_string()),
    }
}
