//! `opsctl replay list`.

use std::io::{self, Write};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::aws::archive::{self, Replay, ReplayState};
use crate::context::Context;
use crate::error::Result;
use crate::human;
use crate::output::{Report, Styles};
use crate::replay::human_time;

/// Arguments of `opsctl replay list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Show at most so many
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub limit: usize,
}

/// Replays.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayList {
    /// The archive.
    pub archive: String,
    /// Its replays, the latest first.
    pub replays: Vec<Replay>,
    /// How many more there are.
    pub more: usize,
    #[serde(skip)]
    now: Timestamp,
}

impl Report for ReplayList {
    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        self.replays.iter().map(serde_json::to_value).collect()
    }

    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, good, warn, bad, dim } = *styles;
        if self.replays.is_empty() {
            return writeln!(out, "no replay of {} in the last 90 days", self.archive);
        }
        for replay in &self.replays {
            let style = match replay.state {
                ReplayState::Completed => good,
                ReplayState::Failed => bad,
                _ => warn,
            };
            let running = replay.fraction().filter(|_| !replay.state.is_final());
            let share = running.map(|share| format!(" {:.0} %", share * 100.0)).unwrap_or_default();
            let state = replay.state.as_str();
            let ago = replay.started_at.map(|at| format!(", {} ago", human::since(at, self.now)));
            writeln!(
                out,
                "{heading}{}{heading:#}  {style}{state}{style:#}{share}{}",
                replay.name,
                ago.unwrap_or_default()
            )?;
            if let (Some(from), Some(to)) = (replay.from, replay.to) {
                writeln!(out, "    {dim}{} to {}{dim:#}", human_time(from), human_time(to))?;
            }
            if let Some(reason) = replay.reason.as_ref().filter(|_| replay.state == ReplayState::Failed) {
                writeln!(out, "    {}", human::shorten(reason, 76))?;
            }
        }
        if self.more > 0 {
            writeln!(out, "{dim}{} more: --limit{dim:#}", self.more)?;
        }
        Ok(())
    }
}

/// Lists them.
pub async fn run(context: &Context, args: &ListArgs) -> Result<ReplayList> {
    let target = context.target().await?;
    let mut replays = archive::replays(&target.clients.eventbridge, &target.stack).await?;
    let more = replays.len().saturating_sub(args.limit);
    replays.truncate(args.limit);
    Ok(ReplayList { archive: target.stack.archive.name, replays, more, now: Timestamp::now() })
}
