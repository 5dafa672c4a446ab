//! The verdict: health in a word, and the reasons for it.

use jiff::Timestamp;
use serde::Serialize;

use super::lints::LINTS;
use super::{Remedy, Snapshot};
use crate::aws::alarms::AlarmState;
use crate::error::ExitStatus;
use crate::stack::StageName;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Data are lost, late or not processed: act now. Makes the pipeline unhealthy.
    Critical,
    /// Needs a look.
    Warning,
    /// Good to know.
    Info,
}

/// Something that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check that found it.
    pub lint: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The stage that it is about.
    pub stage: Option<StageName>,
    /// What is wrong, as a sentence without its full stop.
    pub message: String,
    /// What to do about it.
    pub action: String,
    /// Since when, where that is known.
    pub since: Option<Timestamp>,
    /// The command that does it or shows more, where there is one.
    pub remedy: Option<Remedy>,
}

/// The pipeline's health in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nothing is wrong.
    Healthy,
    /// It works, and something needs a look.
    Degraded,
    /// Data are lost, late or not processed.
    Unhealthy,
    /// What would tell cannot be read.
    Unknown,
}

/// Health and the reasons for it, the worst first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// In a word.
    pub health: Health,
    /// The reasons.
    pub findings: Vec<Finding>,
    #[serde(skip)]
    exit: ExitStatus,
}

impl Verdict {
    /// 0 when healthy or degraded; 3 when unhealthy; when that cannot be told, 4 if AWS cannot be reached or does not
    /// allow it, else 1.
    pub fn exit_status(&self) -> ExitStatus {
        self.exit
    }
}

/// Judges a snapshot as of its `taken_at`.
pub fn judge(snapshot: &Snapshot) -> Verdict {
    let mut findings = Vec::new();
    for lint in LINTS {
        lint(snapshot, &mut findings);
    }
    fold_alarms(snapshot, &mut findings);
    if snapshot.at.is_some() {
        for finding in &mut findings {
            finding.remedy = finding.remedy.take().filter(|remedy| !remedy.is_change());
        }
    }
    // Stable, so within a severity the order of the checks stays.
    findings.sort_by_key(|finding| finding.severity);
    let worst = findings.first().map(|finding| finding.severity);
    let now = snapshot.taken_at;
    let blind = [
        snapshot.alarms.is_blind(now),
        snapshot.dead_letters.is_blind(now),
        snapshot.functions.is_blind(now),
        snapshot.metrics.is_blind(now),
    ]
    .contains(&true);
    let (health, exit) = match worst {
        Some(Severity::Critical) => (Health::Unhealthy, ExitStatus::Unhealthy),
        _ if blind => {
            let errors = snapshot.errors();
            let away = errors.iter().any(|(_, error)| error.kind.is_away());
            (Health::Unknown, if away { ExitStatus::Unreachable } else { ExitStatus::Failed })
        }
        Some(Severity::Warning) => (Health::Degraded, ExitStatus::Fine),
        _ => (Health::Healthy, ExitStatus::Fine),
    };
    Verdict { health, findings, exit }
}

/// An alarm that tells what a check of ours tells with numbers is one finding, not two: the check's, as bad as an alarm.
fn fold_alarms(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for alarm in snapshot.alarms.data.iter().flatten().filter(|alarm| alarm.state == AlarmState::Alarm) {
        let lint = match alarm.kind.as_str() {
            "errors" => "stage-errors",
            "throttles" => "stage-throttled",
            "async-age" => "events-late",
            "dlq-depth" => "dead-letters",
            "dead-letter-errors" => "events-lost",
            _ => continue,
        };
        let same = |finding: &&mut Finding| finding.lint == lint && finding.stage == alarm.stage;
        if let Some(finding) = findings.iter_mut().find(same) {
            finding.severity = Severity::Critical;
            finding.message.push_str("; its alarm rings");
            let told = |finding: &Finding| finding.lint == "alarm-ringing" && finding.message.starts_with(&alarm.name);
            findings.retain(|finding| !told(finding));
        }
    }
}
