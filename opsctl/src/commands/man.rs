//! `opsctl man`: the manual.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::cli::Cli;
use crate::error::{Error, ExitStatus, Result};

/// Arguments of `opsctl man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write one page a command into this directory instead of printing the main page
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

/// Prints the main page, or writes all of them.
pub fn run(args: &ManArgs) -> Result<ExitStatus> {
    let Some(directory) = &args.directory else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command())
            .render(&mut page)
            .and_then(|()| io::stdout().lock().write_all(&page))
            .map_err(|source| Error::io("failed to write to standard output", source))?;
        return Ok(ExitStatus::Fine);
    };
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), directory))
        .map_err(|source| Error::io(format!("failed to write manual pages into {}", directory.display()), source))?;
    Ok(ExitStatus::Fine)
}
