//! Where the outputs come from: Terraform (or `OpenTofu`) in a directory, a file, standard input, the local stack.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::error::{Error, Result};
use crate::invocation::opsctl;
use crate::stack::Stack;

/// Reading outputs takes a second or two, with a remote state a few more.
const TIMEOUT: Duration = Duration::from_mins(1);

/// What `opsctl local up` leaves in `stack.json` in the local directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalEndpoint {
    /// The emulator's address, `http://127.0.0.1:4566`.
    pub endpoint: String,
    /// The region that it plays.
    pub region: String,
    /// The outputs of its last apply, which saves running Terraform.
    #[serde(default)]
    pub outputs: Option<PathBuf>,
}

impl LocalEndpoint {
    /// Reads `stack.json` of the local stack in `local_dir`.
    pub fn load(local_dir: &Path) -> Result<Self> {
        let file = local_dir.join("stack.json");
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::unreachable(
                    format!("there is no local stack in {}", local_dir.display()),
                    format!("start it with `{}`", opsctl("local up")),
                ));
            }
            Err(source) => return Err(Error::io(format!("failed to read {}", file.display()), source)),
        };
        serde_json::from_str(&text).map_err(|error| {
            Error::failed(
                format!("failed to understand {}: {error}", file.display()),
                format!("make it anew with `{}` and `{}`", opsctl("local down"), opsctl("local up")),
            )
        })
    }
}

/// Reads a stack from a file of outputs, or from standard input when the file is `-`.
pub fn stack_from_file(file: &Path) -> Result<Stack> {
    let (text, origin) = if file.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin()
            .lock()
            .read_to_string(&mut text)
            .map_err(|source| Error::io("failed to read outputs from standard input", source))?;
        (text, "standard input".to_owned())
    } else {
        let text = std::fs::read_to_string(file)
            .map_err(|source| Error::io(format!("failed to read outputs from {}", file.display()), source))?;
        (text, file.display().to_string())
    };
    Ok(Stack::from_outputs(&text, &origin)?)
}

/// Reads a stack by running `terraform output -json` (or `tofu`, when that is what is installed) in `dir`.
/// `cli_config` is a Terraform CLI configuration file to use instead of the user's.
pub async fn stack_from_dir(dir: &Path, cli_config: Option<&Path>) -> Result<Stack> {
    if !dir.is_dir() {
        return Err(Error::usage(
            format!("there is no directory {}", dir.display()),
            "point --stack-dir at the Terraform directory (lib), or give its outputs with --outputs FILE",
        ));
    }
    let Some(program) = find_terraform() else {
        return Err(Error::failed(
            "failed to find terraform or tofu on the PATH",
            "install Terraform, or run `terraform output -json > outputs.json` where it is and use --outputs outputs.json",
        ));
    };
    let name = program.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut command = Command::new(&program);
    command
        .arg(format!("-chdir={}", dir.display()))
        .args(["output", "-no-color", "-json"])
        .env("TF_IN_AUTOMATION", "1")
        .env("TF_INPUT", "0")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(file) = cli_config {
        command.env("TF_CLI_CONFIG_FILE", file);
    }
    let output = match tokio::time::timeout(TIMEOUT, command.output()).await {
        Ok(output) => output.map_err(|source| Error::io(format!("failed to run {}", program.display()), source))?,
        Err(_) => {
            return Err(Error::unreachable(
                format!("{name} gave no outputs of {} within {} s", dir.display(), TIMEOUT.as_secs()),
                "check that its remote state can be reached, or use --outputs FILE",
            ));
        }
    };
    if !output.status.success() {
        return Err(explain(&name, dir, &String::from_utf8_lossy(&output.stderr)));
    }
    Ok(Stack::from_outputs(&String::from_utf8_lossy(&output.stdout), &format!("{name} in {}", dir.display()))?)
}

/// What Terraform's message means for someone who wanted outputs.
fn explain(name: &str, dir: &Path, stderr: &str) -> Error {
    let said = stderr.split_whitespace().filter(|word| !matches!(*word, "╷" | "│" | "╵")).collect::<Vec<_>>().join(" ");
    let help = if said.contains("init\"") || said.contains("initialization required") || said.contains("terraform init")
    {
        format!("run `{name} -chdir={} init` first", dir.display())
    } else if said.contains("credential") || said.contains("AccessDenied") || said.contains("ExpiredToken") {
        return Error::unreachable(
            format!("{name} cannot read the state of {}: {said}", dir.display()),
            "sign in (for instance `aws sso login`), choose --profile, or use --outputs FILE",
        );
    } else {
        format!("see that `{name} -chdir={} output -json` works, or use --outputs FILE", dir.display())
    };
    Error::failed(format!("{name} gave no outputs of {}: {said}", dir.display()), help)
}

/// `terraform` if it is on the PATH, else `tofu`.
fn find_terraform() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    ["terraform", "tofu"]
        .iter()
        .find_map(|name| std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ExitStatus;

    #[test]
    fn a_directory_without_init_says_so() {
        let said = "╷\n│ Error: Backend initialization required, please run \"terraform init\"\n│ \n╵\n";
        let error = explain("terraform", Path::new("lib"), said);
        assert_eq!(error.exit_status(), ExitStatus::Failed);
        assert_eq!(error.help(), Some("run `terraform -chdir=lib init` first"));
        assert!(!error.to_string().contains('│'), "{error}");
    }

    #[test]
    fn a_state_behind_expired_credentials_is_unreachable() {
        let error = explain("tofu", Path::new("lib"), "Error: No valid credential sources found");
        assert_eq!(error.exit_status(), ExitStatus::Unreachable);
    }

    #[test]
    fn a_local_directory_without_a_stack_names_the_command_that_makes_one() {
        let dir = tempfile::tempdir().unwrap();
        let error = LocalEndpoint::load(dir.path()).unwrap_err();
        assert_eq!(error.exit_status(), ExitStatus::Unreachable);
        assert_eq!(error.help(), Some("start it with `opsctl local up`"));
    }
}
