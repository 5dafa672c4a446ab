//! `opsctl rules`: the alert rules of the running pipeline, and editions that are to become them.

pub mod check;
mod deployed;
pub mod set;
pub mod show;
pub mod test;

use clap::Subcommand;

use crate::context::Context;
use crate::error::{ExitStatus, Result};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// Show the rules that are in use, or an earlier version of them
    Show(show::ShowArgs),

    /// Check a document as the functions will: every fault with its line
    #[command(long_about = check::LONG_ABOUT)]
    Check(check::CheckArgs),

    /// Let events pass a document and show which rules fire and what mail would go out
    #[command(long_about = test::LONG_ABOUT)]
    Test(test::TestArgs),

    /// Replace the rules that are in use, after a check and a preview
    #[command(long_about = set::LONG_ABOUT)]
    Set(set::SetArgs),
}

/// Does it.
pub async fn run(context: &Context, command: &RulesCommand) -> Result<ExitStatus> {
    let printer = &context.printer;
    match command {
        RulesCommand::Show(args) => printer.report(&show::run(context, args).await?),
        RulesCommand::Check(args) => printer.report(&check::run(args)?),
        RulesCommand::Test(args) => printer.report(&test::run(context, args).await?),
        RulesCommand::Set(args) => printer.report(&set::run(context, args).await?),
    }
}
