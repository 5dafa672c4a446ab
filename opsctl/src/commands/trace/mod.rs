//! `opsctl trace`: traces found by what is known of them, and one as a waterfall.

mod args;
mod list;
mod show;

pub use args::TraceCommand;

use crate::context::Context;
use crate::error::{ExitStatus, Result};

/// `opsctl trace …`.
pub async fn run(context: &Context, command: &TraceCommand) -> Result<ExitStatus> {
    let printer = &context.printer;
    match command {
        TraceCommand::List(args) => printer.report(&list::run(context, args).await?),
        TraceCommand::Show(args) => printer.report(&show::run(context, args).await?),
    }
}
