//! The three functions, built for this machine.

use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;

use super::exec::Exec;
use super::files::copy_if_different;
use super::layout::{Layout, STAGES};
use super::steps::Ticker;
use crate::error::{Error, Result};

/// A cold build compiles several hundred crates.
const LIMIT: Duration = Duration::from_hours(1);

/// Builds the functions and puts each where Terraform looks for it. Returns what was done.
///
/// The whole workspace is built, this program included, with the profile and the features that `cargo test --workspace`
/// uses: Cargo unifies features over what is built together, so building the functions alone would compile the SDK a
/// second time, with slightly other features. What ships to AWS is built alone (`make build`).
pub async fn build(layout: &Layout, ticker: &Ticker<'_>) -> Result<String> {
    // The cargo that runs us, if one does.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--workspace", "--bins", "--locked", "--color=never"])
        .current_dir(layout.project())
        // Set by the cargo that runs us for our own crate; others would be built anew because of them.
        .env_remove("CARGO_MANIFEST_DIR")
        .env_remove("CARGO_MANIFEST_PATH");
    let mut built = 0_usize;
    let exec = Exec { what: "build the functions", log: layout.log("build"), limit: LIMIT, record: None };
    exec.run(command, |line| {
        if line.trim_start().starts_with("Compiling") {
            built += 1;
        }
        ticker.at(line.trim());
    })
    .await?;
    let mut changed = Vec::new();
    for stage in STAGES {
        let binary = target_dir(layout).join("debug").join(format!("{stage}_handler"));
        if copy_if_different(&binary, &layout.bootstrap(stage))? {
            changed.push(stage);
        }
    }
    Ok(match (built, changed.as_slice()) {
        (0, []) => "up to date".to_owned(),
        (_, []) => format!("{built} crates compiled, functions unchanged"),
        (_, changed) => format!("{built} crates compiled, new: {}", changed.join(", ")),
    })
}

/// `--no-build`: uses what an earlier `up` built.
pub fn check(layout: &Layout) -> Result<String> {
    match STAGES.iter().find(|stage| !layout.bootstrap(stage).is_file()) {
        Some(stage) => Err(Error::usage(
            format!("{} is not there", layout.bootstrap(stage).display()),
            "leave out --no-build, so that the functions are built",
        )),
        None => Ok("used as they are".to_owned()),
    }
}

fn target_dir(layout: &Layout) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => layout.project().join(dir),
        None => layout.project().join("target"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_build_every_function_must_be_there() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), dir.path().join(".local"));
        let error = check(&layout).unwrap_err();
        assert!(error.to_string().contains("ingestion_handler/bootstrap"), "{error}");
        for stage in STAGES {
            let bootstrap = layout.bootstrap(stage);
            std::fs::create_dir_all(bootstrap.parent().unwrap()).unwrap();
            std::fs::write(bootstrap, "").unwrap();
        }
        check(&layout).unwrap();
    }
}
