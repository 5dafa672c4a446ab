//! `opsctl replay watch`, and `opsctl replay start --wait`.

use std::io::{self, Write};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::find;
use crate::aws::archive::{self, Replay, ReplayState};
use crate::context::{Context, Target};
use crate::error::{Error, ExitStatus, Result};
use crate::feed::stop::Stop;
use crate::human;
use crate::output::{Report, Styles};
use crate::replay;

/// How often a replay is looked at. A local one is over in seconds.
const PAUSE: Duration = Duration::from_secs(2);
const LOCAL_PAUSE: Duration = Duration::from_millis(300);

/// The length of the bar.
const WHOLE: u64 = 1000;

/// Arguments of `opsctl replay watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Which replay [default: the latest]
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

/// How a replay is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WatchReport {
    /// The replay.
    pub replay: Replay,
    /// How much of its time span was replayed, from 0 to 1.
    pub fraction: Option<f64>,
    /// True when the watching was stopped; the replay goes on.
    pub stopped: bool,
}

impl Report for WatchReport {
    fn exit_status(&self) -> ExitStatus {
        match self.replay.state {
            ReplayState::Completed => ExitStatus::Fine,
            ReplayState::Failed => ExitStatus::Failed,
            _ => ExitStatus::Partly,
        }
    }

    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { good, warn, bad, dim, .. } = *styles;
        let Replay { name, state, reason, started_at, ended_at, .. } = &self.replay;
        let style = match state {
            ReplayState::Completed => good,
            ReplayState::Failed => bad,
            _ => warn,
        };
        let took = started_at.zip(*ended_at).map(|(start, end)| format!(" in {}", human::since(start, end)));
        let share = self.fraction.filter(|_| *state != ReplayState::Completed);
        let share = share.map(|share| format!(", {:.0} % of its time span", share * 100.0));
        let (took, share) = (took.unwrap_or_default(), share.unwrap_or_default());
        writeln!(out, "{name} {style}{}{style:#}{took}{share}", state.as_str())?;
        for line in reason.iter().flat_map(|reason| human::wrap(reason, 76)) {
            writeln!(out, "  {line}")?;
        }
        if self.stopped {
            writeln!(out, "{warn}no longer watched; it goes on{warn:#}")?;
            writeln!(out, "{dim}→ {}{dim:#}", super::next(name))?;
        }
        Ok(())
    }
}

/// Watches the replay that is meant.
pub async fn run(context: &Context, args: &WatchArgs) -> Result<WatchReport> {
    let target = context.target().await?;
    let name = if let Some(name) = &args.name {
        find(&target, name).await?.name
    } else {
        let latest = archive::replays(&target.clients.eventbridge, &target.stack).await?.into_iter().next();
        let nothing = || Error::usage("there is no replay to watch", "start one with `opsctl replay start`");
        latest.ok_or_else(nothing)?.name
    };
    watch(context, &target, &name).await
}

/// Watches a replay: a bar on a terminal, one JSON document a change with `--output jsonl`.
pub(super) async fn watch(context: &Context, target: &Target, name: &str) -> Result<WatchReport> {
    let pause = if target.connection.test_credentials { LOCAL_PAUSE } else { PAUSE };
    let bar = context.printer.share(WHOLE, "replaying");
    let stop = Stop::on_ctrl_c();
    let watched = replay::watch(&target.clients.eventbridge, name, pause, &stop, |replay| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to WHOLE")]
        #[expect(clippy::cast_precision_loss, reason = "WHOLE is small")]
        bar.set_position((replay.fraction().unwrap_or_default() * WHOLE as f64) as u64);
        bar.set_message(replay.state.as_str());
        if !replay.state.is_final() {
            context.printer.line(replay);
        }
    })
    .await;
    bar.finish_and_clear();
    let replay::Watched { replay, stopped } = watched?;
    Ok(WatchReport { fraction: replay.fraction(), replay, stopped })
}
