//! `opsctl demo`: a scripted market session on the local stack.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use serde::Serialize;

use super::dashboard::{self, DashboardArgs};
use super::local::{UpArgs, layout};
use super::status::StatusReport;
use crate::aws::{Clients, Connection};
use crate::change::{Call, Change, Preview};
use crate::cli::OutputFormat;
use crate::context::{Context, Target};
use crate::error::{ExitStatus, Result};
use crate::feed::stop::Stop;
use crate::invocation::opsctl;
use crate::local::demo::outcome::{Expectation, judge};
use crate::local::demo::run;
use crate::local::up;
use crate::output::{Report, Styles};
use crate::snapshot::{self, Fetch};

const ABOUT: &str = "\
Bring the local stack up and play a market session on it: a calm market, the opening's burst, a flash crash, a feed that \
stalls, events that nobody can process.

At the end it shows how the pipeline does, and compares what came of every event to what should: all good events \
processed, alerts sent, exactly the bad events in the dead letter queue, each with its reason. It exits with 0 when all \
of that is so and with 3 when not.

In a terminal it then opens the dashboard on the stack, which q ends; --no-dashboard does not. The stack goes on running \
until `opsctl local down`.";

/// Arguments of `opsctl demo`.
#[derive(Debug, Args)]
#[command(long_about = ABOUT)]
pub struct DemoArgs {
    /// How to bring the stack up.
    #[command(flatten)]
    pub up: UpArgs,

    /// Do not open the dashboard at the end
    #[arg(long)]
    pub no_dashboard: bool,
}

/// What the session did.
#[derive(Debug, Serialize)]
pub struct DemoReport {
    /// The run's name, part of its events' ids.
    pub run: String,
    /// The symbol that it traded.
    pub symbol: String,
    /// How the pipeline did at the end.
    pub status: StatusReport,
    /// What should have come of it, and what did.
    pub expectations: Vec<Expectation>,
}

impl Report for DemoReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, good, bad, .. } = *styles;
        self.status.write_text(out, styles)?;
        writeln!(out)?;
        writeln!(out, "{heading}What should have come of run {}{heading:#}", self.run)?;
        writeln!(out, "  {:<52} {:>9} {:>9}", "", "expected", "seen")?;
        for line in &self.expectations {
            let (style, mark) = if line.met { (good, "✓") } else { (bad, "✗") };
            writeln!(out, "{style}{mark}{style:#} {:<52} {:>9} {:>9}", line.what, line.expected, line.seen)?;
            for wrong in &line.wrong {
                writeln!(out, "    {wrong}")?;
            }
        }
        let unmet = self.expectations.iter().filter(|line| !line.met).count();
        if unmet == 0 {
            writeln!(out, "{good}Everything came as it should.{good:#}")
        } else {
            writeln!(out, "{bad}{unmet} of {} did not come as they should.{bad:#}", self.expectations.len())
        }
    }

    fn exit_status(&self) -> ExitStatus {
        if self.expectations.iter().all(|line| line.met) { ExitStatus::Fine } else { ExitStatus::Unhealthy }
    }
}

/// `opsctl demo`.
pub async fn run(context: &Context, args: &DemoArgs) -> Result<ExitStatus> {
    let printer = &context.printer;
    let (report, target) = play(context, args).await?;
    let status = printer.report(&report)?;
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    if is_terminal && !args.no_dashboard && printer.format() == OutputFormat::Text {
        // On a screen of its own: the report stands there again after it.
        let journal_dir = context.local_journal_dir()?;
        dashboard::show(context, target, &DashboardArgs::usual(), Some(journal_dir)).await?;
    }
    printer.note(format!(
        "The local stack goes on running: `{}` shows it, `{}` stops it.",
        opsctl("dashboard"),
        opsctl("local down")
    ));
    Ok(status)
}

/// Plays the session: what came of it, and the way to the stack.
async fn play(context: &Context, args: &DemoArgs) -> Result<(DemoReport, Target)> {
    // Before the stack is brought up, which takes a minute.
    context.allows(Change::SendTestEvents)?;
    let printer = &context.printer;
    let up = up::up(&layout(context)?, &args.up.options(), printer).await?;
    let stop = Stop::on_ctrl_c();
    let connection = Connection {
        region: up.stack.region.clone(),
        endpoint: Some(up.endpoint),
        profile: None,
        test_credentials: true,
    };
    let clients = Clients::connect(&connection).await;
    let gate = context.gate(&up.stack);
    let calls = vec![Call::uncounted("events", "PutEvents", &up.stack.event_bus.name)];
    let preview = Preview::new(Change::SendTestEvents, "play a market session on the local stack", calls);
    let permit = context.confirm(&gate, &preview)?;
    let played = run::play(&clients, &up.stack, (&permit, &context.local_journal_dir()?), printer, &stop).await?;
    let fetch = Fetch::new(clients.clone(), up.stack.clone(), 15, 5);
    let status = StatusReport::new(snapshot::collect(&fetch).await);
    let report = DemoReport { run: played.run, symbol: played.symbol, status, expectations: judge(&played.seen) };
    Ok((report, Target { stack: up.stack, clients, connection }))
}
