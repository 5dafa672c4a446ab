//! `opsctl local status`.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use super::emulator::Emulator;
use super::layout::Layout;
use super::record::{ApplyRecord, Outcome};

/// The local stack as it is now.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Does the emulator's process live?
    pub running: bool,
    /// Does it answer?
    pub ready: bool,
    /// Its process.
    pub pid: Option<i32>,
    /// Its address.
    pub endpoint: Option<String>,
    /// How long it has run, in seconds.
    pub uptime_seconds: Option<i64>,
    /// How the last `terraform apply` went, if there was one.
    pub applied: Option<Outcome>,
    /// When it went so.
    pub applied_at: Option<Timestamp>,
    /// `--local-dir`.
    pub local_dir: PathBuf,
    /// Where Terraform works.
    pub terraform_dir: PathBuf,
    /// What the emulator says.
    pub emulator_log: PathBuf,
}

/// Looks. Changes nothing, waits for nobody.
pub async fn status(layout: &Layout) -> Status {
    let emulator = Emulator::last(layout).filter(|last| last.process.is_alive());
    let ready = match &emulator {
        Some(emulator) => emulator.is_ready().await,
        None => false,
    };
    let applied = ApplyRecord::load(layout);
    Status {
        running: emulator.is_some(),
        ready,
        pid: emulator.as_ref().map(|emulator| emulator.process.pid),
        endpoint: emulator.as_ref().map(Emulator::endpoint),
        uptime_seconds: emulator.as_ref().map(|e| Timestamp::now().duration_since(e.started).as_secs()),
        applied: applied.as_ref().map(|record| record.outcome),
        applied_at: applied.as_ref().map(|record| record.at),
        local_dir: layout.dir().to_path_buf(),
        terraform_dir: layout.stack(),
        emulator_log: layout.emulator_log(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::layout::make_dir;
    use crate::local::process::ProcessId;

    #[tokio::test]
    async fn a_dead_emulator_does_not_run_and_its_last_apply_is_still_told() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), dir.path().join(".local"));
        let nothing = status(&layout).await;
        assert!(!nothing.running && nothing.pid.is_none() && nothing.applied.is_none());
        make_dir(&layout.emulator()).unwrap();
        let gone = ProcessId { pid: std::process::id().cast_signed(), born: "another time".into() };
        let emulator = serde_json::json!({
            "process": gone, "port": 1, "started": "2026-01-01T00:00:00Z", "sources": "",
            "settings": {"port": null, "retry_delays": null, "alarm_interval": null},
        });
        std::fs::write(layout.emulator().join("run.json"), emulator.to_string()).unwrap();
        ApplyRecord::save(&layout, "f", &Emulator::last(&layout).unwrap(), Outcome::Done).unwrap();
        let now = status(&layout).await;
        assert!(!now.running && !now.ready && now.endpoint.is_none());
        assert_eq!(now.applied, Some(Outcome::Done));
    }
}
