//! `opsctl dashboard`: the screen to look at while the market moves.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::status::{self, StatusReport};
use crate::change::Gate;
use crate::context::{Context, Target};
use crate::dashboard::actions::Operator;
use crate::dashboard::commands;
use crate::dashboard::fetch::Fetcher;
use crate::dashboard::run::{self, Ended, Options};
use crate::dashboard::state::State;
use crate::dashboard::theme::{Theme, ThemeName};
use crate::error::{Error, ExitStatus, Result};
use crate::snapshot::{self, Fetch};
use crate::stack::Stack;
use crate::when::When;

/// How many of the latest events the screen has in view.
const EVENTS: u16 = 100;

/// What `--help` begins with.
pub(crate) const LONG_ABOUT: &str = "\
Watch the pipeline: what is wrong, since when and what to press, its stages, alarms, dead letters, latencies and events.

Press ? for the keys. It needs a terminal of 80 by 24. With --once it reads everything once and prints the same as \
`opsctl status`.

It changes nothing unless it is started with --allow-writes, or the environment is a safe one: a local stack, or one that \
is named by --safe-env. Then dead letters can be marked and sent again, stages paused, and test events sent; each change is shown first, \
confirmed (in production by typing the environment's name) and journaled, as by the commands. Quitting ends what is under \
way first and gives back the rest.

The exit code is 0 after quitting, 1 when the terminal fails, 128 and its number after a signal; with --once it is that \
of `opsctl status`.";

/// Arguments of `opsctl dashboard`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct DashboardArgs {
    /// Read everything once, print it as `status` does, and end
    #[arg(long)]
    pub once: bool,

    /// Begin in the past: 14:32 (UTC), 10m, 2026-11-22T14:32:00Z; `[` and `]` go on from there
    #[arg(long, value_name = "TIME")]
    pub at: Option<When>,

    /// How many minutes of metrics and traces to look at
    #[arg(long, default_value_t = 15, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=360))]
    pub minutes: u16,

    /// How many of the latest events to read at a time [default: 100; with --once 5, as `status`]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub events: Option<u16>,

    /// Allow changes from the screen, each shown and confirmed first; without it, only in a safe environment
    #[arg(long, conflicts_with = "once")]
    pub allow_writes: bool,

    /// Environment that needs no --allow-writes [repeatable, or separated by commas; a local stack never needs it]
    #[arg(long, value_name = "NAME", env = "OPSCTL_SAFE_ENVIRONMENTS", value_delimiter = ',', hide_env_values = true)]
    pub safe_env: Vec<String>,

    /// Colours
    #[arg(long, value_enum, default_value_t, value_name = "THEME", env = "OPSCTL_THEME", hide_env_values = true)]
    pub theme: ThemeName,

    /// Draw with characters of ASCII only
    #[arg(long)]
    pub ascii: bool,

    /// Use the mouse: the wheel scrolls, a click selects
    #[arg(long)]
    pub mouse: bool,
}

impl DashboardArgs {
    /// As they are when none is given.
    pub(super) fn usual() -> Self {
        Self {
            once: false,
            at: None,
            minutes: 15,
            events: None,
            allow_writes: false,
            safe_env: Vec::new(),
            theme: ThemeName::Auto,
            ascii: false,
            mouse: false,
        }
    }
}

/// Runs the dashboard, or prints what it would begin with.
pub async fn run(context: &Context, args: &DashboardArgs) -> Result<ExitStatus> {
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    if !args.once && !is_terminal {
        return Err(Error::usage("the dashboard needs a terminal", "give --once to read everything once and print it"));
    }
    let target = context.target().await?;
    if args.once {
        let at = args.at.map(|when| when.resolve(Timestamp::now()));
        let fetch =
            Fetch::new(target.clients, target.stack, args.minutes, args.events.unwrap_or(status::EVENTS)).at(at);
        return context.printer.report(&StatusReport::new(snapshot::collect(&fetch).await));
    }
    let journal_dir = if context.global.local { Some(context.journal_dir()?) } else { None };
    Box::pin(show(context, target, args, journal_dir)).await
}

/// Runs the dashboard on a stack. A local one is given with the place of its journals; it may be changed.
pub(super) async fn show(
    context: &Context,
    target: Target,
    args: &DashboardArgs,
    local_journal_dir: Option<PathBuf>,
) -> Result<ExitStatus> {
    let endpoint = target.connection.endpoint.clone();
    let now = Timestamp::now();
    let at = args.at.map(|when| when.resolve(now)).filter(|at| *at < now);
    let clients = target.clients;
    let fetch = Fetch::new(clients.clone(), target.stack.clone(), args.minutes, args.events.unwrap_or(EVENTS)).at(at);
    let name = if context.printer.colours_wanted() { args.theme } else { ThemeName::Plain };
    let color_fgbg = std::env::var("COLORFGBG").ok();
    let theme = Theme::new(name, args.ascii, color_fgbg.as_deref());
    let gate = gate(context, args, &target.stack, local_journal_dir.is_some());
    let mut state = State::new(target.stack.clone(), endpoint, now);
    state.read_only = gate.why_read_only().map(str::to_owned);
    if at.is_some() {
        commands::show(&mut state, at);
    }
    let fetcher = Fetcher::new(fetch);
    let journal_dir = match local_journal_dir.map_or_else(|| context.journal_dir(), Ok) {
        // Nothing will be journaled.
        Err(_) if gate.why_read_only().is_some() => PathBuf::new(),
        dir => dir?,
    };
    let operator = Operator::new(clients, target.stack, journal_dir, gate);
    let (ended, farewell) = Box::pin(run::run(state, fetcher, operator, Options { theme, mouse: args.mouse })).await;
    if let Some(text) = farewell {
        context.printer.note(text);
    }
    match ended? {
        Ended::Quit => Ok(ExitStatus::Fine),
        // As shells count.
        Ended::Signal(number) => std::process::exit(128 + number),
    }
}

/// What the screen may change: nothing, unless it is asked for or the place is safe. The screen asks before every change,
/// whatever `--yes` says.
fn gate(context: &Context, args: &DashboardArgs, stack: &Stack, is_local: bool) -> Gate {
    let gate = Gate::new(stack, false);
    let environment = &stack.environment;
    if context.global.read_only {
        gate.read_only("--read-only is set")
    } else if args.allow_writes || is_local || args.safe_env.contains(environment) {
        gate
    } else {
        gate.read_only(format!("it was started without --allow-writes, and {environment} is not named as safe"))
    }
}
