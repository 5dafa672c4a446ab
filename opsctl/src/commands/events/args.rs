//! What `opsctl events` takes.

use clap::{Args, Subcommand};
use jiff::SignedDuration;

use crate::error::{Error, Result};
use crate::filter::{self, Filter};
use crate::when::{self, When};

/// What the help says of filters.
const FILTERS: &str = "\
Filters are words that must all hold:
  symbol:AAPL  type:trade  status:RECEIVED  source:*binance  id:e1  tag:price_spike  alert:yes
  a,b is either of them; * is any characters; -word excludes (after --); other words are looked for anywhere";

/// The commands of `opsctl events`.
#[derive(Debug, Subcommand)]
pub enum EventsCommand {
    /// Show the latest stored events that a filter lets pass
    #[command(after_help = FILTERS)]
    List(ListArgs),
    /// Show all that is known of one event: fields, enrichment, audit, traces, dead letters
    Show(ShowArgs),
    /// Show events as they are stored, until Ctrl-C
    #[command(after_help = FILTERS)]
    Tail(TailArgs),
}

/// Arguments of `opsctl events list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only events that these words let pass
    #[arg(value_name = "FILTER")]
    pub filter: Vec<String>,

    /// At most so many, the latest
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub limit: u16,

    /// Not later than this, by the exchange's clock: 10m (ago), 14:32 (UTC), 2026-11-22T14:32:00Z
    #[arg(long, value_name = "TIME")]
    pub at: Option<When>,

    /// Look at so many rows of each event type at most; each 1,000 cost about $0.00002
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub look_at: u32,
}

/// Arguments of `opsctl events show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The event's id
    #[arg(value_name = "EVENT_ID")]
    pub event_id: String,
}

/// Arguments of `opsctl events tail`.
#[derive(Debug, Args)]
pub struct TailArgs {
    /// Only events that these words let pass
    #[arg(value_name = "FILTER")]
    pub filter: Vec<String>,

    /// Look so often
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = when::duration)]
    pub interval: SignedDuration,

    /// Begin with so many of the latest
    #[arg(long, short = 'n', value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(0..=100))]
    pub last: u16,
}

/// The filter that these words are.
pub(super) fn filter(words: &[String]) -> Result<Filter> {
    // A shell has taken the quotes away; a word with spaces was quoted.
    let quoted =
        words.iter().map(|word| if word.contains(char::is_whitespace) { format!("\"{word}\"") } else { word.clone() });
    let text: Vec<String> = quoted.collect();
    text.join(" ").parse().map_err(|error: filter::FilterError| Error::usage(error.to_string(), filter::HELP))
}
