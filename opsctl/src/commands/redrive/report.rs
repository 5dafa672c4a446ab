//! What the command tells.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use crate::error::ExitStatus;
use crate::output::{Report, Styles};
use crate::redrive::{PreviewReport, RunReport};

/// What would be done, or what was.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum RedriveReport {
    /// What would be done.
    Preview(Box<PreviewReport>),
    /// What was done.
    Run(Box<RunReport>),
}

impl Report for RedriveReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        match self {
            Self::Preview(report) => report.write_text(out, styles),
            Self::Run(report) => report.write_text(out, styles),
        }
    }

    fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Preview(report) => report.exit_status(),
            Self::Run(report) => report.exit_status(),
        }
    }

    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        match self {
            Self::Preview(report) => report.json_lines(),
            Self::Run(report) => report.json_lines(),
        }
    }
}
