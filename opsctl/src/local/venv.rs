//! The emulator's Python environment.

use std::path::Path;
use std::time::Duration;

use tokio::process::Command;

use super::exec::Exec;
use super::files::read;
use super::layout::{Layout, make_dir, remove, write_atomically};
use super::steps::Ticker;
use crate::error::Result;

const LIMIT: Duration = Duration::from_mins(10);
/// Written last, with what was installed: an environment without it was not finished.
const MARKER: &str = ".installed-requirements";

/// Makes the environment unless it is there and complete. The caller holds the cache's lock. Returns what was done.
pub async fn ensure(layout: &Layout, ticker: &Ticker<'_>) -> Result<String> {
    let requirements = layout.emulator_sources().join("requirements.txt");
    let wanted = read(&requirements)?;
    let venv = layout.venv();
    if is_complete(&venv, &wanted) {
        return Ok("complete".to_owned());
    }
    // In place, for an environment does not survive a move: its scripts name their interpreter by its path.
    remove(&venv)?;
    make_dir(&layout.cache())?;
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(&venv);
    let log = layout.log("venv");
    let exec = |what| Exec { what, log: log.clone(), limit: LIMIT, record: None };
    exec("make the emulator's Python environment").run(make, |line| ticker.at(line)).await?;
    let mut install = Command::new(venv.join("bin/python"));
    install
        .args([
            "-m",
            "pip",
            "install",
            "--require-hashes",
            "--no-input",
            "--disable-pip-version-check",
            "--progress-bar",
        ])
        .args(["off", "--requirement"])
        .arg(&requirements);
    exec("install the emulator's requirements").run(install, |line| ticker.at(line)).await?;
    write_atomically(&venv.join(MARKER), &wanted)?;
    Ok("installed, every package by its hash".to_owned())
}

/// A deleted or upgraded system Python leaves a dangling link, which does not exist.
fn is_complete(venv: &Path, wanted: &[u8]) -> bool {
    venv.join("bin/python").exists() && std::fs::read(venv.join(MARKER)).is_ok_and(|installed| installed == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_counts_only_with_its_interpreter_and_the_same_requirements() {
        let dir = tempfile::tempdir().unwrap();
        let venv = dir.path();
        assert!(!is_complete(venv, b"a==1"));
        std::fs::create_dir(venv.join("bin")).unwrap();
        std::fs::write(venv.join("bin/python"), "").unwrap();
        assert!(!is_complete(venv, b"a==1"), "half made: the marker comes last");
        std::fs::write(venv.join(MARKER), "a==1").unwrap();
        assert!(is_complete(venv, b"a==1"));
        assert!(!is_complete(venv, b"a==2"));
        std::fs::remove_file(venv.join("bin/python")).unwrap();
        std::os::unix::fs::symlink("/nowhere/python3", venv.join("bin/python")).unwrap();
        assert!(!is_complete(venv, b"a==1"), "its interpreter is gone");
    }
}
