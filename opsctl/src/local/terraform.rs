//! Terraform on the local stack: its own copy of `lib`, its own state, and credentials that open nothing but the emulator.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Command;
use tokio::time::timeout;

use super::apply_log::{ApplyLog, Changes};
use super::exec::{Exec, was_interrupted};
use super::files::{Fingerprint, copy_tree, read, tree};
use super::layout::{Layout, remove, write_atomically};
use super::mirror::{PROVIDERS, platform};
use super::process::ProcessId;
use super::providers::Source;
use super::steps::Ticker;
use crate::error::{Error, Result};
use crate::invocation::opsctl;

/// The region that the emulator plays.
pub const REGION: &str = "us-east-1";
const INIT_LIMIT: Duration = Duration::from_mins(10);
/// An apply takes about a minute, most of it the provider's waits for queues. The provider may retry for long.
const APPLY_LIMIT: Duration = Duration::from_mins(15);
const OUTPUT_LIMIT: Duration = Duration::from_mins(1);
/// What a Terraform that an earlier call left behind may take to save its state.
const GRACE: Duration = Duration::from_secs(30);

/// The program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `terraform`
    Terraform,
    /// `tofu`
    OpenTofu,
}

impl Tool {
    /// The command's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::OpenTofu => "tofu",
        }
    }

    /// Where it gets providers from by itself.
    pub fn registry(self) -> &'static str {
        match self {
            Self::Terraform => "registry.terraform.io",
            Self::OpenTofu => "registry.opentofu.org",
        }
    }
}

/// Terraform in a local stack.
#[derive(Debug, Clone)]
pub struct Terraform<'a> {
    /// The stack.
    pub layout: &'a Layout,
    /// The program.
    pub tool: Tool,
    /// Where providers come from.
    pub providers: Source,
}

/// Why an apply failed.
#[derive(Debug)]
pub enum ApplyError {
    /// Terraform's state and the emulator's do not belong together.
    StatesDisagree(Error),
    /// Anything else.
    Other(Error),
}

/// Copies `lib` into the stack, unmodified, without its tests and without what Terraform itself keeps beside it.
/// Returns the fingerprint of what was copied.
pub fn copy_sources(layout: &Layout) -> Result<Fingerprint> {
    let (lib, stack) = (layout.lib(), layout.stack());
    let files = tree(&lib, is_source)?;
    copy_tree(&lib, &stack, &files, is_source)?;
    let mut fingerprint = Fingerprint::default();
    fingerprint.add_tree(&stack, &files)?;
    Ok(fingerprint)
}

fn is_source(path: &Path) -> bool {
    let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
    !name.starts_with('.')
        && path != Path::new("tests")
        && !name.contains(".tfstate")
        && !Path::new(name).extension().is_some_and(|extension| extension == "tfplan" || extension == "log")
}

impl Terraform<'_> {
    /// Was the stack initialised for these sources, with providers that are still there?
    pub fn is_initialised(&self) -> bool {
        let mirror = self.layout.stack().join(".terraform/providers");
        let host = self.tool.registry();
        let there = self.tool == Tool::OpenTofu && mirror.join(host).is_dir()
            || PROVIDERS.iter().all(|provider| provider.version_in(&mirror, &platform()).is_some());
        let marked = std::fs::read_to_string(self.init_marker());
        there && marked.is_ok_and(|marked| self.init_key().is_ok_and(|key| key == marked))
    }

    fn init_marker(&self) -> PathBuf {
        self.layout.stack().join(".terraform/initialised")
    }

    fn init_key(&self) -> Result<String> {
        let mut fingerprint = Fingerprint::default();
        fingerprint.add("tool", self.tool.program().as_bytes());
        fingerprint.add("provider.tf", &read(&self.layout.stack().join("provider.tf"))?);
        Ok(fingerprint.text())
    }

    /// `terraform init`. What an earlier one left is thrown away when it is in the way.
    pub async fn init(&self, ticker: &Ticker<'_>) -> Result<()> {
        let stack = self.layout.stack();
        let first = self.init_once(ticker).await;
        if first.is_err() {
            // Hashes in the lock file differ between the registry's packages and built ones.
            remove(&stack.join(".terraform"))?;
            remove(&stack.join(".terraform.lock.hcl"))?;
            self.init_once(ticker).await?;
        }
        write_atomically(&self.init_marker(), self.init_key()?.as_bytes())
    }

    async fn init_once(&self, ticker: &Ticker<'_>) -> Result<()> {
        let command = self.command(None, &["init", "-input=false", "-no-color"]);
        let what = format!("initialise Terraform in {}", self.layout.stack().display());
        let log = self.layout.log("terraform-init");
        let exec = Exec { what: &what, log, limit: INIT_LIMIT, record: Some(self.layout.terraform_process()) };
        exec.run(command, |line| ticker.at(line.trim())).await
    }

    /// `terraform apply` (or `destroy`) against the emulator at `endpoint`.
    pub async fn apply(&self, endpoint: &str, destroy: bool, ticker: &Ticker<'_>) -> Result<Changes, ApplyError> {
        let functions = self.layout.functions();
        let mut arguments = vec![
            "apply".to_owned(),
            "-json".to_owned(),
            "-auto-approve".to_owned(),
            "-input=false".to_owned(),
            "-lock-timeout=60s".to_owned(),
            "-var-file=envs/local.tfvars".to_owned(),
            format!("-var=functions_dir={}", functions.display()),
            format!("-var=region={REGION}"),
            format!("-var=architecture={}", if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" }),
        ];
        if destroy {
            arguments.push("-destroy".to_owned());
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let command = self.command(Some(endpoint), &arguments);
        let mut log = ApplyLog::default();
        let what = if destroy { "destroy the local stack" } else { "apply the Terraform to the local stack" };
        let file = self.layout.log(if destroy { "terraform-destroy" } else { "terraform-apply" });
        let exec = Exec { what, log: file.clone(), limit: APPLY_LIMIT, record: Some(self.layout.terraform_process()) };
        let result = exec
            .run(command, |line| {
                if let Some(progress) = log.line(line) {
                    ticker.at(&progress);
                }
            })
            .await;
        match result {
            Ok(()) => Ok(log.changes().unwrap_or_default()),
            Err(error) if log.errors().is_empty() || was_interrupted(&error) => Err(ApplyError::Other(error)),
            Err(_) => {
                let mut message = format!("failed to {what}:");
                for error in log.errors() {
                    let _ = write!(message, "\n  {error}");
                }
                let error = Error::failed(message, format!("everything Terraform said is in {}", file.display()));
                Err(if log.states_disagree() { ApplyError::StatesDisagree(error) } else { ApplyError::Other(error) })
            }
        }
    }

    /// `terraform output -json`.
    pub async fn outputs(&self) -> Result<Vec<u8>> {
        let mut command = self.command(None, &["output", "-json", "-no-color"]);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let stack = self.layout.stack();
        let failed = |why: &str| {
            let message = format!("failed to read the outputs of {}: {why}", stack.display());
            Error::failed(message, format!("apply again with `{}`", opsctl("local up --apply")))
        };
        match timeout(OUTPUT_LIMIT, command.output()).await {
            Ok(Ok(output)) if output.status.success() => Ok(output.stdout),
            Ok(Ok(output)) => Err(failed(String::from_utf8_lossy(&output.stderr).trim())),
            Ok(Err(error)) => Err(failed(&error.to_string())),
            Err(_) => Err(failed("it takes too long")),
        }
    }

    /// Ends a Terraform that an opsctl left behind when it was killed. The caller holds the stack's lock, so it cannot
    /// be another's. Returns whether there was one.
    pub async fn recover(layout: &Layout) -> Result<bool> {
        let record = layout.terraform_process();
        let left = std::fs::read(&record).ok().and_then(|json| serde_json::from_slice::<ProcessId>(&json).ok());
        let alive = match &left {
            Some(process) => {
                let alive = process.is_alive();
                // Also ends providers whose Terraform was killed.
                process.stop_group(Signal::INT, GRACE).await?;
                alive
            }
            None => false,
        };
        remove(&record)?;
        // Nobody holds the lock any more; its description would only mislead whoever reads it.
        remove(&layout.stack().join(".terraform.tfstate.lock.info"))?;
        Ok(alive)
    }

    /// Forgets what was applied.
    pub fn forget_state(layout: &Layout) -> Result<()> {
        for file in ["terraform.tfstate", "terraform.tfstate.backup", ".terraform.tfstate.lock.info"] {
            remove(&layout.stack().join(file))?;
        }
        remove(&layout.apply_record())
    }

    fn command(&self, endpoint: Option<&str>, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.tool.program());
        command.current_dir(self.layout.stack()).args(arguments);
        // A local stack must not depend on, or ever reach, what the user's shell is set up for.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            let foreign = name.starts_with("AWS_") || name.starts_with("TF_VAR_") || name.starts_with("TF_CLI_ARGS");
            if foreign || matches!(&*name, "TF_DATA_DIR" | "TF_WORKSPACE" | "TF_LOG" | "TF_LOG_PATH") {
                command.env_remove(&*name);
            }
        }
        ignore_missing_cli_config(command.as_std_mut());
        if let Some(file) = self.providers.cli_config() {
            command.env("TF_CLI_CONFIG_FILE", file);
        }
        command
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .env("CHECKPOINT_DISABLE", "1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", REGION)
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        if let Some(endpoint) = endpoint {
            command.env("AWS_ENDPOINT_URL", endpoint);
        }
        command
    }
}

/// Puts the emulator's new address into Terraform's state: a queue's identity is its address, and the emulator knows its
/// queues by name, so after a change of port they are the same queues.
pub fn move_endpoint(layout: &Layout, from: &str, to: &str) -> Result<()> {
    let file = layout.stack().join("terraform.tfstate");
    if !file.exists() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&read(&file)?).into_owned();
    // With the slash: http://127.0.0.1:456 is the beginning of another address, too.
    write_atomically(&file, text.replace(&format!("{from}/"), &format!("{to}/")).as_bytes())
}

/// Terraform warns at every call of a variable that names a configuration file which is not there.
pub fn ignore_missing_cli_config(command: &mut std::process::Command) {
    if std::env::var_os("TF_CLI_CONFIG_FILE").is_some_and(|file| !Path::new(&file).exists()) {
        command.env_remove("TF_CLI_CONFIG_FILE");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::layout::make_dir;

    fn layout(dir: &Path) -> Layout {
        let layout = Layout::new(dir, dir.join(".local"));
        for (file, text) in
            [("main.tf", "m"), ("provider.tf", "p"), ("envs/local.tfvars", "e"), ("tests/x.tftest.hcl", "t")]
        {
            let path = layout.lib().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        layout
    }

    #[test]
    fn sources_are_copied_and_terraforms_own_files_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        let lib = layout.lib();
        for foreign in [".terraform.lock.hcl", "terraform.tfstate", "terraform.tfstate.backup", "x.tfplan"] {
            std::fs::write(lib.join(foreign), "lib's own").unwrap();
        }
        make_dir(&layout.stack()).unwrap();
        std::fs::write(layout.stack().join("terraform.tfstate"), "ours").unwrap();
        std::fs::write(layout.stack().join(".terraform.lock.hcl"), "ours").unwrap();
        std::fs::write(layout.stack().join("gone.tf"), "no longer in lib").unwrap();

        let first = copy_sources(&layout).unwrap().text();
        let read = |name: &str| std::fs::read_to_string(layout.stack().join(name)).ok();
        assert_eq!(read("main.tf").as_deref(), Some("m"));
        assert_eq!(read("envs/local.tfvars").as_deref(), Some("e"));
        assert_eq!(read("tests/x.tftest.hcl"), None);
        assert_eq!(read("gone.tf"), None);
        assert_eq!(read("terraform.tfstate").as_deref(), Some("ours"));
        assert_eq!(read(".terraform.lock.hcl").as_deref(), Some("ours"));
        assert_eq!(copy_sources(&layout).unwrap().text(), first);
        std::fs::write(lib.join("envs/local.tfvars"), "changed").unwrap();
        assert_ne!(copy_sources(&layout).unwrap().text(), first);
    }

    #[tokio::test]
    async fn recovery_without_anything_left_behind_does_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        make_dir(&layout.stack()).unwrap();
        std::fs::write(layout.stack().join(".terraform.tfstate.lock.info"), "{}").unwrap();
        let gone = ProcessId { pid: std::process::id().cast_signed(), born: "another time".into() };
        std::fs::write(layout.terraform_process(), serde_json::to_vec(&gone).unwrap()).unwrap();
        assert!(!Terraform::recover(&layout).await.unwrap());
        assert!(!layout.stack().join(".terraform.tfstate.lock.info").exists());
        assert!(!layout.terraform_process().exists());
    }

    #[test]
    fn a_queue_keeps_its_identity_when_the_port_changes() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        move_endpoint(&layout, "http://127.0.0.1:456", "http://127.0.0.1:99").unwrap();
        make_dir(&layout.stack()).unwrap();
        let state = layout.stack().join("terraform.tfstate");
        std::fs::write(&state, r#"["http://127.0.0.1:456/0/q", "http://127.0.0.1:4566/0/q"]"#).unwrap();
        move_endpoint(&layout, "http://127.0.0.1:456", "http://127.0.0.1:99").unwrap();
        let moved = std::fs::read_to_string(state).unwrap();
        assert_eq!(moved, r#"["http://127.0.0.1:99/0/q", "http://127.0.0.1:4566/0/q"]"#);
    }

    #[test]
    fn without_a_marker_or_providers_it_is_not_initialised() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        copy_sources(&layout).unwrap();
        let terraform = Terraform { layout: &layout, tool: Tool::Terraform, providers: Source::Users };
        assert!(!terraform.is_initialised());
        let mirror = layout.stack().join(".terraform/providers");
        for (provider, version) in PROVIDERS.iter().zip(["5.100.0", "3.6.0", "1.3.0"]) {
            let dir = provider.dir(&mirror).join(version).join(platform());
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join(format!("terraform-provider-{}_v{version}", provider.name)), "").unwrap();
        }
        assert!(!terraform.is_initialised());
        std::fs::write(terraform.init_marker(), terraform.init_key().unwrap()).unwrap();
        assert!(terraform.is_initialised());
        std::fs::write(layout.stack().join("provider.tf"), "another version").unwrap();
        assert!(!terraform.is_initialised());
    }

    #[test]
    fn the_users_aws_never_reaches_the_local_stack() {
        let layout = Layout::new("/p", "/p/.local");
        let source = Source::Mirrors("/p/rc".into());
        let terraform = Terraform { layout: &layout, tool: Tool::Terraform, providers: source };
        let command = terraform.command(Some("http://127.0.0.1:1"), &["apply"]);
        let value = |name: &str| {
            let found = command.as_std().get_envs().find(|(key, _)| *key == name).and_then(|(_, value)| value);
            found.map(|value| value.to_string_lossy().into_owned())
        };
        assert_eq!(value("AWS_ENDPOINT_URL").as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(value("AWS_ACCESS_KEY_ID").as_deref(), Some("test"));
        assert_eq!(value("AWS_SHARED_CREDENTIALS_FILE").as_deref(), Some("/dev/null"));
        assert_eq!(value("TF_CLI_CONFIG_FILE").as_deref(), Some("/p/rc"));
        assert_eq!(value("AWS_PROFILE"), None);
    }
}
