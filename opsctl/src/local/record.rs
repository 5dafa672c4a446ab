//! How the last apply went, and so whether another is needed.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::emulator::Emulator;
use super::layout::{Layout, write_atomically};
use super::process::ProcessId;
use crate::error::Result;

/// Written before an apply and again after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyRecord {
    /// The fingerprint of what was applied: the Terraform and the functions.
    pub fingerprint: String,
    /// The emulator's address. Queues' addresses contain it, and parameters contain those.
    pub endpoint: String,
    /// The emulator it was applied to.
    pub emulator: ProcessId,
    /// How it went.
    pub outcome: Outcome,
    /// When it began, or ended.
    pub at: Timestamp,
}

/// How an apply went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It began. When nobody is applying, it was killed.
    Began,
    /// It failed.
    Failed,
    /// It is done.
    Done,
}

impl ApplyRecord {
    /// The record of the last apply.
    pub fn load(layout: &Layout) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(layout.apply_record()).ok()?).ok()
    }

    /// Writes the record.
    pub fn save(layout: &Layout, fingerprint: &str, emulator: &Emulator, outcome: Outcome) -> Result<()> {
        let record = Self {
            fingerprint: fingerprint.to_owned(),
            endpoint: emulator.endpoint(),
            emulator: emulator.process.clone(),
            outcome,
            at: Timestamp::now(),
        };
        write_atomically(&layout.apply_record(), &serde_json::to_vec_pretty(&record).map_err(anyhow::Error::from)?)
    }
}

/// Why Terraform has to be run, if it has to.
///
/// Only the very emulator process that the last apply went to is sure to hold what was applied: another one has what was
/// saved last, which after a kill is something older.
pub fn why_apply(last: Option<&ApplyRecord>, fingerprint: &str, emulator: &Emulator) -> Option<&'static str> {
    match last {
        None => Some("nothing is applied yet"),
        Some(last) if last.outcome == Outcome::Began => Some("the last apply was interrupted"),
        Some(last) if last.outcome == Outcome::Failed => Some("the last apply failed"),
        Some(last) if last.fingerprint != fingerprint => Some("the Terraform or a function changed"),
        Some(last) if last.emulator != emulator.process => Some("the emulator was restarted"),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::emulator::Settings;

    fn emulator(born: &str) -> Emulator {
        Emulator {
            process: ProcessId { pid: 7, born: born.into() },
            port: 4566,
            started: Timestamp::UNIX_EPOCH,
            settings: Settings::default(),
            sources: String::new(),
        }
    }

    #[test]
    fn only_an_unchanged_finished_apply_to_this_very_emulator_is_enough() {
        let emulator = emulator("now");
        let done = ApplyRecord {
            fingerprint: "f".into(),
            endpoint: emulator.endpoint(),
            emulator: emulator.process.clone(),
            outcome: Outcome::Done,
            at: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(why_apply(Some(&done), "f", &emulator), None);
        assert!(why_apply(None, "f", &emulator).is_some());
        assert!(why_apply(Some(&done), "g", &emulator).unwrap().contains("changed"));
        assert!(why_apply(Some(&done), "f", &self::emulator("later")).unwrap().contains("restarted"));
        for (outcome, word) in [(Outcome::Began, "interrupted"), (Outcome::Failed, "failed")] {
            let last = ApplyRecord { outcome, ..done.clone() };
            assert!(why_apply(Some(&last), "f", &emulator).unwrap().contains(word));
        }
    }

    #[test]
    fn a_record_is_read_back_and_a_torn_one_counts_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), dir.path());
        assert_eq!(ApplyRecord::load(&layout), None);
        ApplyRecord::save(&layout, "f", &emulator("now"), Outcome::Began).unwrap();
        let record = ApplyRecord::load(&layout).unwrap();
        assert_eq!((record.outcome, record.endpoint.as_str()), (Outcome::Began, "http://127.0.0.1:4566"));
        std::fs::write(layout.apply_record(), "{\"finger").unwrap();
        assert_eq!(ApplyRecord::load(&layout), None);
    }
}
