//! `opsctl completions`: a shell's completion script.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::{Error, ExitStatus, Result};

/// Arguments of `opsctl completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell to write for
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Writes the script to standard output; it is the same in every output format.
pub fn run(args: &CompletionsArgs) -> Result<ExitStatus> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "opsctl", &mut script);
    io::stdout().lock().write_all(&script).map_err(|source| Error::io("failed to write to standard output", source))?;
    Ok(ExitStatus::Fine)
}
