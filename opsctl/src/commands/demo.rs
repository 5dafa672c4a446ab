//! `opsctl demo`: a scripted market session on the local stack.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;

use super::local::{UpArgs, layout};
use super::status::StatusReport;
use crate::aws::{Clients, Connection};
use crate::change::{Call, Change, Preview};
use crate::context::Context;
use crate::error::{ExitStatus, Result};
use crate::feed::stop::Stop;
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
of that is so and with 3 when not. The stack goes on running.";

/// Arguments of `opsctl demo`.
#[derive(Debug, Args)]
#[command(long_about = ABOUT)]
pub struct DemoArgs {
    /// How to bring the stack up.
    #[command(flatten)]
    pub up: UpArgs,
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
pub async fn run(context: &Context, args: &DemoArgs) -> Result<DemoReport> {
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
    let fetch = Fetch::new(clients, up.stack, 15, 5);
    let status = StatusReport::new(snapshot::collect(&fetch).await);
    Ok(DemoReport { run: played.run, symbol: played.symbol, status, expectations: judge(&played.seen) })
}
