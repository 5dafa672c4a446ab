//! `opsctl pause` and `opsctl resume`: keep a stage from taking events, and let it go on.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::aws::dead_letters::Depth;
use crate::change::{Change, Preview};
use crate::context::{Context, Target};
use crate::error::Result;
use crate::human;
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
Let a paused stage take events again, with the concurrency that Terraform deployed. What came in meanwhile waits in its \
dead letter queue for `opsctl redrive dlq`. Resuming a stage that is not paused changes nothing.";

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
        let Styles { good, warn, dim, .. } = *styles;
        let already = if self.changed { "" } else { " already" };
        let (stage, queue) = (self.stage, &self.queue);
        let limit = self.reserved_concurrency.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
        if self.paused {
            writeln!(out, "{warn}{stage} is{already} paused{warn:#}: its events go to {queue}")?;
            writeln!(out, "{dim}→ opsctl resume {stage}{dim:#}")?;
        } else if self.changed {
            writeln!(out, "{good}{stage} takes events again{good:#}, concurrency {limit}")?;
        } else {
            writeln!(out, "{good}{stage} is not paused{good:#}, concurrency {limit}")?;
        }
        if !self.paused && self.letters.total() > 0 {
            let letters = human::count(self.letters.total(), "letter");
            writeln!(out, "{warn}{letters}{warn:#} in {queue}")?;
            writeln!(out, "{dim}→ opsctl redrive dlq {stage} --execute{dim:#}")?;
        }
        match &self.run {
            Some(run) => writeln!(out, "{dim}journal run {run}{dim:#}"),
            None => Ok(()),
        }
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

/// Resumes.
pub async fn run_resume(context: &Context, args: &ResumeArgs) -> Result<SwitchReport> {
    let target = context.target().await?;
    let (clients, stack) = (&target.clients, &target.stack);
    context.gate(stack).allows(Change::Resume)?;
    let switch = pausing::read(clients, stack, args.stage).await?;
    let reserved = switch.function.reserved_concurrency;
    if !switch.function.is_paused() {
        return Ok(report(switch, None, reserved));
    }
    pausing::can_resume(&switch)?;
    let preview = switch.resume_preview(stack);
    let (permit, journal) = begin(context, &target, "resume", &preview, json!({ "stage": args.stage }))?;
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
