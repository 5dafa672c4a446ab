//! `opsctl replay`: events of the archive once more through the stages.

pub mod cancel;
pub mod list;
pub mod progress;
pub mod start;

use clap::Subcommand;

use crate::context::Context;
use crate::error::{ExitStatus, Result};

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
