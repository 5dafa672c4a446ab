//! `opsctl status`: how the pipeline is, now.

use std::io::{self, Write};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::context::Context;
use crate::error::{ExitStatus, Result};
use crate::output::{Report, Styles};
use crate::snapshot::{self, Fetch, Snapshot, Verdict};
use crate::when::When;

/// How many of the latest events are shown.
pub const EVENTS: u16 = 5;

/// Arguments of `opsctl status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// How many minutes of metrics and traces to look at
    #[arg(long, default_value_t = 15, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=360))]
    pub minutes: u16,

    /// How many of the latest events to show
    #[arg(long, default_value_t = EVENTS, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=100))]
    pub events: u16,

    /// As it was at a time, as far as AWS keeps that: 10m (ago), 14:32 (UTC), 2026-11-22T14:32:00Z
    #[arg(long, value_name = "TIME")]
    pub at: Option<When>,
}

/// A snapshot and what it means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusReport {
    /// What it means.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What is known.
    pub snapshot: Snapshot,
}

impl StatusReport {
    /// Judges a snapshot.
    pub fn new(snapshot: Snapshot) -> Self {
        Self { verdict: snapshot::judge(&snapshot), snapshot }
    }
}

impl Report for StatusReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        snapshot::text::write(out, &self.snapshot, &self.verdict, styles)
    }

    fn exit_status(&self) -> ExitStatus {
        self.verdict.exit_status()
    }
}

/// Reads every source once and judges.
pub async fn run(context: &Context, args: &StatusArgs) -> Result<StatusReport> {
    let target = context.target().await?;
    let spinner = context.printer.spinner("reading alarms, queues, metrics, traces and events");
    let fetch = Fetch::new(target.clients, target.stack, args.minutes, args.events);
    let fetch = fetch.at(args.at.map(|when| when.resolve(Timestamp::now())));
    let snapshot = snapshot::collect(&fetch).await;
    spinner.finish_and_clear();
    Ok(StatusReport::new(snapshot))
}
