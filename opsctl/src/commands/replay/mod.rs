//! `opsctl replay`: events of the archive once more through the stages.

pub mod cancel;
pub mod list;
pub mod progress;
pub mod start;

use clap::Subcommand;

use crate::aws::AwsErrorKind;
use crate::aws::archive::{self, Replay};
use crate::context::{Context, Target};
use crate::error::{Error, ExitStatus, Result};
use crate::invocation::opsctl;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum ReplayCommand {
    /// Start a replay of a time span
    #[command(long_about = start::LONG_ABOUT)]
    Start(start::StartArgs),

    /// List the replays of the last 90 days, the latest first
    List(list::ListArgs),

    /// Watch a replay until it ends; Ctrl-C ends the watching, not the replay
    Watch(progress::WatchArgs),

    /// Cancel a replay; what it has handed over stays handed over
    Cancel(cancel::CancelArgs),
}

/// The replay of that name, which somebody may have mistyped.
async fn find(target: &Target, name: &str) -> Result<Replay> {
    archive::replay(&target.clients.eventbridge, name).await.map_err(|error| {
        if error.kind != AwsErrorKind::NotFound {
            return error.into();
        }
        Error::usage(
            format!("there is no replay {name} of archive {}", target.stack.archive.name),
            "`opsctl replay list` shows the replays of the last 90 days",
        )
    })
}

/// What can be done about a replay that goes on.
fn next(name: &str) -> String {
    format!("{}; {}", opsctl(format!("replay watch {name}")), opsctl(format!("replay cancel {name}")))
}

/// Does it.
pub async fn run(context: &Context, command: &ReplayCommand) -> Result<ExitStatus> {
    let printer = &context.printer;
    match command {
        ReplayCommand::Start(args) => printer.report(&start::run(context, args).await?),
        ReplayCommand::List(args) => printer.report(&list::run(context, args).await?),
        ReplayCommand::Watch(args) => printer.report(&progress::run(context, args).await?),
        ReplayCommand::Cancel(args) => printer.report(&cancel::run(context, args).await?),
    }
}
