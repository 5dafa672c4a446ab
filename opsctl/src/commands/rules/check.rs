//! `opsctl rules check`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::error::{ExitStatus, Result};
use crate::human;
use crate::output::{Report, Styles};
use crate::rules::document::{self, LocatedFault};

/// What `--help` begins with.
pub(crate) const LONG_ABOUT: &str = "\
Check a document with the code that the functions read it with: every fault at once, each with its line, column and path. \
Nothing is sent anywhere. The exit code is 0 for a document that can be used and 1 for one that cannot.";

/// Arguments of `opsctl rules check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The document; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Whether a document can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Where it came from.
    pub origin: String,
    /// True when it can be used.
    pub valid: bool,
    /// Rules in it; none when it cannot be used.
    pub rules: Option<usize>,
    /// Those of them that are enabled.
    pub enabled: Option<usize>,
    /// Everything that is wrong.
    pub faults: Vec<LocatedFault>,
}

impl CheckReport {
    fn new(origin: String, text: &str) -> Self {
        match document::check(text) {
            Ok(read) => Self {
                origin,
                valid: true,
                rules: Some(read.rules.len()),
                enabled: Some(read.rules.iter().filter(|rule| rule.enabled).count()),
                faults: Vec::new(),
            },
            Err(faults) => Self { origin, valid: false, rules: None, enabled: None, faults },
        }
    }
}

impl Report for CheckReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Self { origin, rules, enabled, faults, .. } = self;
        let Styles { good, bad, .. } = *styles;
        document::write_faults(out, origin, faults, styles)?;
        match (rules, enabled) {
            (Some(rules), Some(enabled)) => {
                let rules = human::count(*rules as u64, "rule");
                writeln!(out, "{good}{origin} can be used{good:#}: {rules}, {enabled} enabled")
            }
            _ => writeln!(out, "{bad}{origin} cannot be used{bad:#}: {}", human::count(faults.len() as u64, "fault")),
        }
    }

    fn exit_status(&self) -> ExitStatus {
        if self.valid { ExitStatus::Fine } else { ExitStatus::Failed }
    }
}

/// Checks.
pub fn run(args: &CheckArgs) -> Result<CheckReport> {
    let (text, origin) = document::read_file(&args.file)?;
    Ok(CheckReport::new(origin, &text))
}
