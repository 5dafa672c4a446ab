//! The programs that the local stack needs, and what to do when one is missing.

use std::process::Stdio;

use tokio::process::Command;

use super::layout::Layout;
use super::terraform::Tool;
use crate::error::{Error, Result};
use crate::invocation::opsctl;

/// The emulator's own bound.
const PYTHON: (u32, u32) = (3, 11);
const TERRAFORM: (u32, u32) = (1, 11);
const OPENTOFU: (u32, u32) = (1, 9);

/// What was found.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Terraform, or `OpenTofu`.
    pub terraform: Tool,
}

/// Looks for everything at once and names all that is missing. Returns what was found, also in words.
pub async fn check(layout: &Layout, with_cargo: bool) -> Result<(Tools, String)> {
    let ask_python = ["-c", "import sys, venv, ensurepip; print('%d.%d.%d' % sys.version_info[:3])"];
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let cargo = cargo.to_string_lossy();
    let (python, terraform, tofu, cargo) =
        tokio::join!(say("python3", &ask_python), say("terraform", &["version"]), say("tofu", &["version"]), async {
            // Without a build there is nothing to be missed.
            if with_cargo { say(&cargo, &["--version"]).await } else { Some(String::new()) }
        },);
    judge(layout, python.as_deref(), terraform.as_deref(), tofu.as_deref(), cargo.as_deref())
}

fn judge(
    layout: &Layout,
    python: Option<&str>,
    terraform: Option<&str>,
    tofu: Option<&str>,
    cargo: Option<&str>,
) -> Result<(Tools, String)> {
    let mut missing = Vec::new();
    let mut found = Vec::new();
    match python.and_then(version) {
        Some((at, text)) if at >= PYTHON => found.push(format!("Python {text}")),
        Some((_, text)) => missing.push(format!("Python 3.11 or newer (python3 is {text})")),
        None => missing.push(
            "Python 3.11 or newer with its venv module (on Debian and Ubuntu: apt install python3-venv)".to_owned(),
        ),
    }
    let tool = match (terraform.and_then(version), tofu.and_then(version)) {
        (Some((at, text)), _) if at >= TERRAFORM => Some((Tool::Terraform, format!("Terraform {text}"))),
        (_, Some((at, text))) if at >= OPENTOFU => Some((Tool::OpenTofu, format!("OpenTofu {text}"))),
        (Some((_, text)), _) => {
            missing.push(format!(
                "Terraform 1.11 or newer (terraform is {text}); https://developer.hashicorp.com/terraform/install"
            ));
            None
        }
        _ => {
            missing.push("Terraform 1.11 or newer; https://developer.hashicorp.com/terraform/install".to_owned());
            None
        }
    };
    match cargo {
        Some("") => {}
        Some(text) => found.push(format!("Cargo {}", version(text).map_or_else(String::new, |(_, text)| text))),
        None => missing.push("Rust with cargo; https://rustup.rs".to_owned()),
    }
    match tool {
        Some((terraform, text)) if missing.is_empty() => {
            found.push(text);
            Ok((Tools { terraform }, found.join(", ")))
        }
        _ => Err(Error::failed(
            format!("the local stack needs what is not there: {}", missing.join("; ")),
            format!("install it and run `{}` again in {}", opsctl("local up"), layout.project().display()),
        )),
    }
}

/// The first line that a program prints, when it runs and exits with 0.
async fn say(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).env("CHECKPOINT_DISABLE", "1").kill_on_drop(true);
    super::terraform::ignore_missing_cli_config(command.as_std_mut());
    let output = command.output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    output.status.success().then(|| text.lines().find(|line| version(line).is_some()).unwrap_or_default().to_owned())
}

/// The first `major.minor…` in a text.
fn version(text: &str) -> Option<((u32, u32), String)> {
    text.split(|c: char| c.is_whitespace() || c == 'v').find_map(|word| {
        let mut parts = word.split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        Some(((major, minor), word.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(
        python: Option<&str>,
        terraform: Option<&str>,
        tofu: Option<&str>,
        cargo: Option<&str>,
    ) -> Result<String> {
        judge(&Layout::new("/p", "/p/.local"), python, terraform, tofu, cargo).map(|(_, text)| text)
    }

    #[test]
    fn versions_are_found_in_what_programs_say() {
        assert_eq!(version("Terraform v1.11.4").unwrap(), ((1, 11), "1.11.4".into()));
        assert_eq!(version("cargo 1.95.0 (f2d3ce0bd 2026-03-21)").unwrap(), ((1, 95), "1.95.0".into()));
        assert_eq!(version("3.12.1").unwrap().0, (3, 12));
        assert_eq!(version("no version here"), None);
    }

    #[test]
    fn everything_missing_is_named_at_once() {
        let error = judged(Some("3.9.2"), None, None, None).unwrap_err().to_string();
        for part in ["python3 is 3.9.2", "Terraform 1.11", "rustup.rs"] {
            assert!(error.contains(part), "{part} in {error}");
        }
        let error = judged(None, Some("Terraform v1.5.7"), None, Some("")).unwrap_err().to_string();
        assert!(error.contains("python3-venv") && error.contains("terraform is 1.5.7"), "{error}");
    }

    #[test]
    fn opentofu_is_taken_where_terraform_is_missing_or_old() {
        let found = judged(Some("3.11.7"), Some("Terraform v1.5.7"), Some("OpenTofu v1.10.0"), Some("")).unwrap();
        assert_eq!(found, "Python 3.11.7, OpenTofu 1.10.0");
        let found =
            judged(Some("3.11.7"), Some("Terraform v1.11.4"), Some("OpenTofu v1.10.0"), Some("cargo 1.95.0")).unwrap();
        assert_eq!(found, "Python 3.11.7, Cargo 1.95.0, Terraform 1.11.4");
    }
}
