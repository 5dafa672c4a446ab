//! From the command line to the exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use super::{
    alarms, completions, dashboard, demo, dlq, events, journal, local, man, pause, redrive, replay, rules,
    send_test_event, status, trace,
};
use crate::cli::{Cli, Command};
use crate::context::Context;
use crate::error::{Error, ExitStatus, Result};
use crate::invocation;

/// Parses the command line, does what it says, and returns the process's exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = Cli::command().try_get_matches_from(arguments);
    let parsed = parsed.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let cli = match parsed {
        Ok((cli, matches)) => {
            // Whose commands work on the local stack, whatever is said.
            invocation::remember(&matches, matches!(cli.command, Command::Local(_) | Command::Demo(_)));
            cli
        }
        Err(error) => {
            // Help and version come this way too; clap knows the stream of each. A closed stream leaves nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::Fine }.into();
        }
    };
    let context = Context::new(cli.global);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::io("failed to start the asynchronous runtime", source))
        .and_then(|runtime| {
            let outcome = runtime.block_on(dispatch(&context, &cli.command));
            // A look-up of a name that hangs cannot be cancelled, and nobody waits for it any more.
            runtime.shutdown_background();
            outcome
        });
    match outcome {
        Ok(status) => status.into(),
        Err(error) => {
            context.printer.error(&error);
            error.exit_status().into()
        }
    }
}

async fn dispatch(context: &Context, command: &Command) -> Result<ExitStatus> {
    let printer = &context.printer;
    match command {
        Command::Local(command) => local::run(context, command).await,
        Command::SendTestEvent(args) => printer.report(&send_test_event::run(context, args).await?),
        Command::Dashboard(args) => Box::pin(dashboard::run(context, args)).await,
        Command::Status(args) => printer.report(&status::run(context, args).await?),
        Command::Alarms(args) => alarms::run(context, args).await,
        Command::Events(command) => events::run(context, command).await,
        Command::Trace(command) => trace::run(context, command).await,
        Command::Dlq(command) => dlq::run(context, command).await,
        Command::Redrive(command) => printer.report(&redrive::run(context, command).await?),
        Command::Replay(command) => replay::run(context, command).await,
        Command::Pause(args) => printer.report(&pause::run_pause(context, args).await?),
        Command::Resume(args) => printer.report(&Box::pin(pause::run_resume(context, args)).await?),
        Command::Rules(command) => rules::run(context, command).await,
        Command::Journal(command) => journal::run(context, command),
        Command::Demo(args) => Box::pin(demo::run(context, args)).await,
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    }
}
