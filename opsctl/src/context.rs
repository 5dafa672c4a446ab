//! What every command works with: the global options, the printer, and the ways to the stack.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use crate::aws::{Clients, Connection};
use crate::change::{self, Change, Gate, Needed, Permit, Preview};
use crate::cli::GlobalArgs;
use crate::error::{Error, Result};
use crate::output::{Printer, Report};
use crate::stack::Stack;
use crate::terraform::{self, LocalEndpoint};

/// Handed to every command.
#[derive(Debug)]
pub struct Context {
    /// The options that stand before or after any command.
    pub global: GlobalArgs,
    /// The only way to the terminal.
    pub printer: Printer,
}

/// The stack to work on, and the way to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The stack.
    pub stack: Stack,
    /// Clients for its account and region.
    pub clients: Clients,
    /// How they reach it.
    pub connection: Connection,
}

impl Context {
    /// A context for these options.
    pub fn new(global: GlobalArgs) -> Self {
        let printer = Printer::for_terminal(&global);
        Self { global, printer }
    }

    /// Finds the stack that the options mean, and the way to its AWS. Nothing is sent to AWS yet.
    pub async fn target(&self) -> Result<Target> {
        let global = &self.global;
        let (stack, endpoint, local) = if global.local {
            let local_dir = self.local_dir()?;
            let local = LocalEndpoint::load(&local_dir)?;
            let stack = match local.outputs.as_ref().filter(|file| file.is_file()) {
                Some(file) => terraform::stack_from_file(file)?,
                None => self.stack_from_local_terraform(&local_dir).await?,
            };
            (stack, Some(local.endpoint), true)
        } else if let Some(file) = &global.outputs {
            (terraform::stack_from_file(file)?, global.endpoint_url.clone(), false)
        } else {
            let dir = match &global.stack_dir {
                Some(dir) => dir.clone(),
                None => self.project_dir()?.join("lib"),
            };
            (terraform::stack_from_dir(&dir, None).await?, global.endpoint_url.clone(), false)
        };
        if let Some(wanted) = global.env.as_ref().filter(|wanted| **wanted != stack.environment) {
            return Err(Error::refused(
                format!("refused: the stack is of environment {}, not {wanted}", stack.environment),
                "point --stack-dir or --outputs at the stack you mean, or leave out --env",
            ));
        }
        let connection = Connection {
            region: global.region.clone().unwrap_or_else(|| stack.region.clone()),
            endpoint,
            profile: global.profile.clone(),
            test_credentials: local,
        };
        self.printer.detail(format!(
            "stack {} in {} of account {}{}",
            stack.environment,
            connection.region,
            stack.account_id,
            connection.endpoint.as_deref().map(|endpoint| format!(", at {endpoint}")).unwrap_or_default(),
        ));
        let clients = Clients::connect(&connection).await;
        Ok(Target { stack, clients, connection })
    }

    /// Refuses (exit code 6) what `--read-only` forbids, where there is no stack yet to have a gate.
    pub fn allows(&self, change: Change) -> Result<()> {
        change::allowed(self.read_only(), change)
    }

    fn read_only(&self) -> Option<&'static str> {
        self.global.read_only.then_some("--read-only is set")
    }

    async fn stack_from_local_terraform(&self, local_dir: &Path) -> Result<Stack> {
        // Where the registry cannot be reached, `local up` has written a configuration that finds the providers.
        let cli_config = self.project_dir().ok().map(|root| root.join(".local/cache/terraform.rc"));
        let cli_config = cli_config.filter(|file| file.is_file());
        terraform::stack_from_dir(&local_dir.join("stack"), cli_config.as_deref()).await
    }

    /// The gate that every change of this stack goes through.
    pub fn gate(&self, stack: &Stack) -> Gate {
        let gate = Gate::new(stack, self.global.yes);
        match self.read_only() {
            Some(why) => gate.read_only(why),
            None => gate,
        }
    }

    /// Shows a preview on standard error and asks for what the gate needs. The default is no: an empty answer, and nobody
    /// at the terminal, are refused (exit code 6).
    pub fn confirm(&self, gate: &Gate, preview: &Preview) -> Result<Permit> {
        self.confirm_with(gate, preview, preview)
    }

    /// [`Context::confirm`] with a report that says more than the preview alone.
    pub fn confirm_with<R: Report>(&self, gate: &Gate, preview: &Preview, shown: &R) -> Result<Permit> {
        gate.allows(preview.change)?;
        let question = match gate.needs(preview) {
            Needed::Nothing => return gate.permit(preview, ""),
            Needed::Yes => "Go on? [y/N] ".to_owned(),
            Needed::Word(word) => format!("Type {word} to go on: "),
        };
        if !io::stdin().is_terminal() {
            return Err(Error::refused(
                format!("refused to {}: nobody is there to confirm it", preview.summary),
                gate.how_to_confirm(preview),
            ));
        }
        self.printer.explain(shown)?;
        self.printer.ask(&question);
        let mut answer = String::new();
        io::stdin()
            .read_line(&mut answer)
            .map_err(|source| Error::io("failed to read the answer from standard input", source))?;
        gate.permit(preview, &answer)
    }

    /// True when somebody is at the terminal and did not say that they want no questions.
    pub fn can_ask(&self) -> bool {
        !self.global.yes && io::stdin().is_terminal()
    }

    /// Where runs are journaled: `--journal-dir`; with `--local` the stack's own directory; else the user's state directory.
    pub fn journal_dir(&self) -> Result<PathBuf> {
        if self.global.local {
            return self.local_journal_dir();
        }
        if let Some(dir) = &self.global.journal_dir {
            return Ok(absolute(dir));
        }
        let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
        let state = state.or_else(|| Some(std::env::home_dir()?.join(".local/state")));
        state.map(|state| state.join("opsctl/journal")).ok_or_else(|| {
            Error::usage("failed to find a place for the journal: there is no home directory", "give --journal-dir")
        })
    }

    /// Where runs on the local stack are journaled, with or without `--local`.
    pub fn local_journal_dir(&self) -> Result<PathBuf> {
        match &self.global.journal_dir {
            Some(dir) => Ok(absolute(dir)),
            None => Ok(self.local_dir()?.join("journal")),
        }
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
