//! `opsctl events`: stored events, found by a filter, one in full, or as they come.

mod args;
mod list;
mod show;
mod tail;

pub use args::EventsCommand;

use crate::context::Context;
use crate::error::{ExitStatus, Result};

/// `opsctl events …`.
pub async fn run(context: &Context, command: &EventsCommand) -> Result<ExitStatus> {
    let printer = &context.printer;
    match command {
        EventsCommand::List(args) => printer.report(&list::run(context, args).await?),
        EventsCommand::Show(args) => printer.report(&show::run(context, args).await?),
        EventsCommand::Tail(args) => tail::run(context, args).await,
    }
}
