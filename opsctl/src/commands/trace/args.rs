//! What `opsctl trace` takes.

use clap::{Args, Subcommand};
use jiff::SignedDuration;

use crate::when::{self, When};

/// The commands of `opsctl trace`.
#[derive(Debug, Subcommand)]
pub enum TraceCommand {
    /// Show the latest traces of the stack
    List(ListArgs),
    /// Show one trace as a waterfall
    Show(ShowArgs),
}

/// Arguments of `opsctl trace list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only traces of this event
    #[arg(long, value_name = "EVENT_ID")]
    pub event: Option<String>,

    /// Only traces of this symbol
    #[arg(long, value_name = "SYMBOL")]
    pub symbol: Option<String>,

    /// Only traces of this event type
    #[arg(long = "type", value_name = "TYPE", value_parser = ["trade", "quote", "bar"])]
    pub event_type: Option<String>,

    /// Only traces in which this service has a part: a function's name, `DynamoDB` [default: the stack's functions]
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,

    /// Only traces in which something failed, was refused or throttled
    #[arg(long)]
    pub failed: bool,

    /// Only traces that took at least so long: 500ms, 2s
    #[arg(long, value_name = "TIME", value_parser = when::duration)]
    pub slower_than: Option<SignedDuration>,

    /// How many minutes to look back; X-Ray answers for a day at most
    #[arg(long, default_value_t = 15, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1440))]
    pub minutes: u16,

    /// Until this time: 10m (ago), 14:32 (UTC), 2026-11-22T14:32:00Z; X-Ray keeps 30 days
    #[arg(long, value_name = "TIME")]
    pub at: Option<When>,

    /// At most so many, the latest
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
}

/// Arguments of `opsctl trace show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The trace's id (1-…), or an event's id, whose traces the audit names
    #[arg(value_name = "ID")]
    pub id: String,
}
