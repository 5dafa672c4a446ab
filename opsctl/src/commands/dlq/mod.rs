//! `opsctl dlq`: what is in the dead letter queues, and what to do with it other than sending it again.

pub mod export;
pub mod list;
pub mod peek;
pub mod purge;

use clap::Subcommand;

use crate::context::Context;
use crate::error::{ExitStatus, Result};
use crate::stack::StageName;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum DlqCommand {
    /// Show how many letters wait, since when, and why
    #[command(long_about = list::LONG_ABOUT)]
    List(list::ListArgs),

    /// Show letters: body, reason, faults, origin, age, how often they were received
    #[command(long_about = peek::LONG_ABOUT)]
    Peek(peek::PeekArgs),

    /// Write every letter to a file, one JSON document a line; the queues stay as they are
    #[command(long_about = export::LONG_ABOUT)]
    Export(export::ExportArgs),

    /// Delete letters for good, after they were written to a file
    #[command(long_about = purge::LONG_ABOUT)]
    Purge(purge::PurgeArgs),
}

/// Does it.
pub async fn run(context: &Context, command: &DlqCommand) -> Result<ExitStatus> {
    match command {
        DlqCommand::List(args) => context.printer.report(&list::run(context, args).await?),
        DlqCommand::Peek(args) => context.printer.report(&peek::run(context, args).await?),
        DlqCommand::Export(args) => export::run(context, args).await,
        DlqCommand::Purge(args) => context.printer.report(&purge::run(context, args).await?),
    }
}

/// The stages that were named, each once, in the order in which events pass them; all when none was.
fn chosen(stages: &[StageName]) -> Vec<StageName> {
    StageName::ALL.into_iter().filter(|stage| stages.is_empty() || stages.contains(stage)).collect()
}
