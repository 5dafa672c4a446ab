//! Terraform's providers: from the registry where it can be reached, else from mirrors and, for two, built with Go.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::exec::Exec;
use super::layout::{Layout, make_dir, remove, write_atomically};
use super::mirror::{PROVIDERS, Provider, best, candidates, cli_config, platform};
use super::steps::Ticker;
use super::terraform::Tool;
use crate::error::{Error, Result};

const REGISTRY_LIMIT: Duration = Duration::from_secs(5);
const BUILD_LIMIT: Duration = Duration::from_mins(30);

/// Where Terraform gets its providers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// As the user has configured it: Terraform's own ways.
    Users,
    /// From mirrors, by a CLI configuration of ours.
    Mirrors(PathBuf),
}

impl Source {
    /// The CLI configuration to use instead of the user's, if any.
    pub fn cli_config(&self) -> Option<&Path> {
        match self {
            Self::Users => None,
            Self::Mirrors(file) => Some(file),
        }
    }
}

/// Sees to it that `terraform init` will find its providers. The caller holds the cache's lock. Returns how, also in
/// words.
pub async fn ensure(layout: &Layout, tool: Tool, ticker: &Ticker<'_>) -> Result<(Source, String)> {
    let variable = |name: &str| std::env::var(name).ok();
    if let Some(file) = users_installation(&variable) {
        return Ok((Source::Users, format!("installed as {} says", file.display())));
    }
    let mut mirrors = vec![layout.providers()];
    mirrors.extend(candidates(variable, Path::new("/opt")));
    let platform = platform();
    let missing = missing(&mirrors, &platform);
    if tool == Tool::Terraform && missing.is_empty() {
        return Ok((write_config(layout, &mirrors, &platform)?, "from mirrors on this machine".to_owned()));
    }
    ticker.at("looking whether the registry can be reached");
    if registry_answers(tool).await {
        return Ok((Source::Users, "from the registry".to_owned()));
    }
    if tool == Tool::OpenTofu {
        return Err(Error::failed(
            "failed to reach registry.opentofu.org, and mirrors are only made for Terraform",
            "install Terraform, or configure provider_installation for OpenTofu",
        ));
    }
    if let Some(provider) = missing.iter().find(|provider| provider.built.is_none()) {
        return Err(Error::failed(
            format!(
                "failed to find the provider hashicorp/{}: registry.terraform.io cannot be reached, and no mirror on \
                 this machine has it for {platform}",
                provider.name
            ),
            format!(
                "run `terraform -chdir=lib providers mirror DIR` where the registry can be reached, bring DIR here, \
                 and name it with TF_PROVIDER_MIRROR=DIR; looked into {}",
                mirrors.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>().join(", ")
            ),
        ));
    }
    build(layout, &missing, &platform, ticker).await?;
    let names: Vec<&str> = missing.iter().map(|provider| provider.name).collect();
    Ok((write_config(layout, &mirrors, &platform)?, format!("from mirrors, {} built here", names.join(" and "))))
}

fn missing(mirrors: &[PathBuf], platform: &str) -> Vec<Provider> {
    PROVIDERS.into_iter().filter(|provider| best(provider, mirrors, platform).is_none()).collect()
}

fn write_config(layout: &Layout, mirrors: &[PathBuf], platform: &str) -> Result<Source> {
    let sources: Vec<_> =
        PROVIDERS.iter().filter_map(|provider| Some((provider, best(provider, mirrors, platform)?))).collect();
    let file = layout.terraform_rc();
    make_dir(&layout.cache())?;
    write_atomically(&file, cli_config(&sources).as_bytes())?;
    Ok(Source::Mirrors(file))
}

/// The user's CLI configuration, when it says itself where providers come from.
fn users_installation(variable: &impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let file = match variable("TF_CLI_CONFIG_FILE").filter(|value| !value.is_empty()) {
        Some(file) => PathBuf::from(file),
        None => PathBuf::from(variable("HOME")?).join(".terraformrc"),
    };
    let text = std::fs::read_to_string(&file).ok()?;
    let says = text.lines().any(|line| line.trim_start().starts_with("provider_installation"));
    says.then_some(file)
}

/// Asks through Python, which is there anyhow and knows the user's proxies and certificates.
async fn registry_answers(tool: Tool) -> bool {
    let script = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=4).read(1)";
    let mut command = Command::new("python3");
    command
        .args(["-c", script, &format!("https://{}/.well-known/terraform.json", tool.registry())])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    matches!(timeout(REGISTRY_LIMIT, command.status()).await, Ok(Ok(status)) if status.success())
}

async fn build(layout: &Layout, wanted: &[Provider], platform: &str, ticker: &Ticker<'_>) -> Result<()> {
    let names: Vec<&str> = wanted.iter().map(|provider| provider.name).collect();
    if Command::new("go").arg("version").stdin(Stdio::null()).stdout(Stdio::null()).status().await.is_err() {
        return Err(Error::failed(
            format!(
                "failed to build the providers {}: registry.terraform.io cannot be reached, and Go is not installed",
                names.join(" and ")
            ),
            "install Go 1.25 or newer (https://go.dev/dl), or name a mirror that has them with TF_PROVIDER_MIRROR=DIR",
        ));
    }
    let output = layout.cache().join(format!("providers.{}.new", std::process::id()));
    remove(&output)?;
    make_dir(&output)?;
    let mut command = Command::new("go");
    command
        .current_dir(layout.provider_sources())
        .args(["build", "-trimpath", "-mod=readonly", "-o"])
        .arg(&output)
        .args(wanted.iter().map(|p| format!("github.com/terraform-providers/terraform-provider-{}", p.name)))
        .env("CGO_ENABLED", "0")
        .env_remove("GOFLAGS");
    let what = format!("build the providers {} in {}", names.join(" and "), layout.provider_sources().display());
    let exec = Exec { what: &what, log: layout.log("providers"), limit: BUILD_LIMIT, record: None };
    ticker.at("building with Go");
    exec.run(command, |line| ticker.at(line)).await?;
    for provider in wanted {
        let Some(version) = provider.built else { continue };
        let dir = provider.dir(&layout.providers()).join(version).join(platform);
        make_dir(&dir)?;
        let from = output.join(format!("terraform-provider-{}", provider.name));
        let to = dir.join(format!("terraform-provider-{}_v{version}", provider.name));
        std::fs::rename(&from, &to)
            .map_err(|source| Error::io(format!("failed to move {} to {}", from.display(), to.display()), source))?;
    }
    remove(&output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_provider_installation_is_respected_and_a_missing_file_is_not_one() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_string_lossy().into_owned();
        let elsewhere = dir.path().join("missing.rc").to_string_lossy().into_owned();
        let with_home = |name: &str| (name == "HOME").then(|| home.clone());
        let preset = |name: &str| match name {
            "HOME" => Some(home.clone()),
            "TF_CLI_CONFIG_FILE" => Some(elsewhere.clone()),
            _ => None,
        };
        assert_eq!(users_installation(&with_home), None);
        let file = dir.path().join(".terraformrc");
        std::fs::write(&file, "plugin_cache_dir = \"/x\"\n").unwrap();
        assert_eq!(users_installation(&with_home), None);
        std::fs::write(&file, "  provider_installation {\n  direct {}\n}\n").unwrap();
        assert_eq!(users_installation(&with_home), Some(file));
        assert_eq!(users_installation(&preset), None, "the variable names another file, which is not there");
    }

    #[test]
    fn what_no_mirror_has_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let mirrors = [dir.path().to_path_buf()];
        let names = |mirrors| missing(mirrors, "linux_amd64").iter().map(|p| p.name).collect::<Vec<_>>();
        assert_eq!(names(&mirrors), ["aws", "random", "archive"]);
        let plugin = PROVIDERS[1].dir(dir.path()).join("3.6.0/linux_amd64/terraform-provider-random_v3.6.0");
        std::fs::create_dir_all(plugin.parent().unwrap()).unwrap();
        std::fs::write(plugin, "").unwrap();
        assert_eq!(names(&mirrors), ["aws", "archive"]);
    }
}
