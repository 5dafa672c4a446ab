//! What every command works with: the global options, the printer, and the ways to the stack.

use std::path::{Path, PathBuf};

use crate::cli::GlobalArgs;
use crate::error::{Error, Result};
use crate::output::Printer;

/// Handed to every command.
#[derive(Debug)]
pub struct Context {
    /// The options that stand before or after any command.
    pub global: GlobalArgs,
    /// The only way to the terminal.
    pub printer: Printer,
}

impl Context {
    /// A context for these options.
    pub fn new(global: GlobalArgs) -> Self {
        let printer = Printer::for_terminal(&global);
        Self { global, printer }
    }

    /// Refuses (exit code 6) when `--read-only` is set. `action` completes "refused to …".
    pub fn must_allow_changes(&self, action: &str) -> Result<()> {
        if self.global.read_only {
            return Err(Error::refused(
                format!("refused to {action}: --read-only is set"),
                "leave out --read-only (or unset OPSCTL_READ_ONLY)",
            ));
        }
        Ok(())
    }

    /// The project's root: `--project-dir`, or the nearest directory upwards that holds a `Cargo.toml` and `lib/main.tf`.
    pub fn project_dir(&self) -> Result<PathBuf> {
        if let Some(dir) = &self.global.project_dir {
            return if is_project(dir) {
                Ok(absolute(dir))
            } else {
                Err(Error::usage(
                    format!("{} is not the project: it has no Cargo.toml with lib/main.tf beside it", dir.display()),
                    "give the root of the repository to --project-dir",
                ))
            };
        }
        let here =
            std::env::current_dir().map_err(|source| Error::io("failed to find the current directory", source))?;
        here.ancestors().find(|dir| is_project(dir)).map(Path::to_path_buf).ok_or_else(|| {
            Error::usage(
                format!("failed to find the project from {} upwards", here.display()),
                "run opsctl inside the repository, or give its root with --project-dir",
            )
        })
    }

    /// The local stack's directory: `--local-dir`, else `.local` below the project. It need not exist.
    pub fn local_dir(&self) -> Result<PathBuf> {
        match &self.global.local_dir {
            Some(dir) => Ok(absolute(dir)),
            None => Ok(self.project_dir()?.join(".local")),
        }
    }
}

fn is_project(dir: &Path) -> bool {
    dir.join("Cargo.toml").is_file() && dir.join("lib/main.tf").is_file()
}

fn absolute(dir: &Path) -> PathBuf {
    std::path::absolute(dir).unwrap_or_else(|_| dir.to_path_buf())
}
