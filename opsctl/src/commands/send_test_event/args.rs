//! The arguments.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use rust_decimal::Decimal;

use crate::feed::generate::Kind;
use crate::feed::pace::Pace;
use crate::feed::poison::Poison;

/// What `--help` begins with.
pub(crate) const LONG_ABOUT: &str = "\
Send events to the pipeline's bus: one made from the options, a random walk of --count, or those of a file.

Files have one JSON event a line and are checked with the pipeline's own validation before anything is sent. Event ids \
are kept, so a file sent twice is one set of events: the second copy is dropped as duplicates. --fresh-ids makes a new \
set of it.

With --wait each event is followed through the pipeline's tables until it is processed, rejected, or the time is over. \
A single event's way is printed with its X-Ray trace; a single event is always sampled, of many X-Ray samples its share.

It asks for nothing outside of production, and every run is in the journal (`opsctl journal show last`).

The exit code is 0 when every event ended as it was meant to (processed or a known duplicate; with --invalid: rejected), \
5 when some did, 1 when none did. Without --wait it is about being taken by the bus.";

/// Arguments of `opsctl send-test-event`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct SendTestEventArgs {
    /// Kind of event
    #[arg(long = "type", value_enum, default_value_t, value_name = "TYPE", conflicts_with = "file")]
    pub kind: Kind,

    /// Instrument
    #[arg(long, default_value = "TEST", conflicts_with = "file")]
    pub symbol: String,

    /// Price of the trade or bar, bid of the quote; of --count the first one's
    #[arg(long, default_value = "100.00", conflicts_with = "file", allow_negative_numbers = true)]
    pub price: Decimal,

    /// Size of the trade, sizes of the quote, volume of the bar
    #[arg(long, default_value = "1", conflicts_with = "file", allow_negative_numbers = true)]
    pub size: Decimal,

    /// Side of the trade
    #[arg(long, value_enum, conflicts_with_all = ["file", "count"])]
    pub side: Option<Side>,

    /// Ask of the quote [default: a hundredth above the price]
    #[arg(long, conflicts_with_all = ["file", "count"], allow_negative_numbers = true)]
    pub ask: Option<Decimal>,

    /// Id of the event [default: a new one]
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "count"])]
    pub event_id: Option<String>,

    /// Time of the event, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME", conflicts_with_all = ["file", "count"])]
    pub timestamp: Option<String>,

    /// Send so many events of a random walk
    #[arg(long, value_name = "N", conflicts_with = "file", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub count: Option<u32>,

    /// Which random walk
    #[arg(long, value_name = "N", default_value_t = 1, requires = "count")]
    pub seed: u64,

    /// Send the events of a file, one JSON object a line; `-` is standard input
    #[arg(long, short, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Leave out the file's bad lines instead of sending nothing
    #[arg(long, requires = "file")]
    pub skip_invalid: bool,

    /// Move the file's times so that the first event's is now; distances stay
    #[arg(long, requires = "file")]
    pub shift_time: bool,

    /// Give the file's events new ids, so that they are new events: `.RUN` is put behind each
    #[arg(long, requires = "file")]
    pub fresh_ids: bool,

    /// Name of this run, for new ids [default: a random one]
    #[arg(long, value_name = "RUN")]
    pub run_id: Option<String>,

    /// How fast: `fast`, `real` (the distances of the file's own times), or events a second
    #[arg(long, visible_alias = "rate", value_name = "PACE", default_value = "fast")]
    pub pace: Pace,

    /// Spoil the events so that they must be rejected
    #[arg(long, value_enum, value_name = "KIND")]
    pub invalid: Option<Poison>,

    /// Mark the events, so that all three stages log everything about them: `metadata.debug` is true in each
    #[arg(long)]
    pub debug: bool,

    /// Name of the feed: events are published with source `marketdata.feed.NAME`
    #[arg(long, value_name = "NAME", default_value = "opsctl", value_parser = feed_name)]
    pub feed: String,

    /// Follow the events through the pipeline
    #[arg(long, short)]
    pub wait: bool,

    /// Seconds to follow them, counted from the last one's sending
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,
}

/// Who started a deal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Side {
    /// The buyer
    Buy,
    /// The seller
    Sell,
}

impl Side {
    /// As it stands in an event.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

fn feed_name(text: &str) -> Result<String, String> {
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    if (1..=64).contains(&text.len()) && text.chars().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 64 letters, digits, dots, hyphens or underscores".to_owned())
    }
}
