//! `opsctl replay cancel`.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::find;
use crate::aws::archive::{self, Replay};
use crate::change::{Call, Change, Preview};
use crate::context::Context;
use crate::error::Result;
use crate::invocation::opsctl;
use crate::journal::{Header, Journal, Outcome};
use crate::output::{Report, Styles};

/// Arguments of `opsctl replay cancel`.
#[derive(Debug, Args)]
pub struct CancelArgs {
    /// Which replay
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CancelReport {
    /// The replay, as it was before; when there was nothing to cancel, as it is.
    pub replay: Replay,
    /// False when it had ended already.
    pub cancelled: bool,
    /// The run in the journal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl Report for CancelReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { warn, dim, .. } = *styles;
        let Replay { name, state, .. } = &self.replay;
        if !self.cancelled {
            return writeln!(out, "nothing to cancel: {name} is {}", state.as_str());
        }
        writeln!(out, "{warn}cancelled{warn:#} {name}; events that it handed over stay")?;
        writeln!(out, "{dim}→ {} shows when it has ended{dim:#}", opsctl(format!("replay watch {name}")))?;
        let show = |run| opsctl(format!("journal show {run}"));
        self.run.iter().try_for_each(|run| writeln!(out, "{dim}journal: {}{dim:#}", show(run)))
    }
}

/// Asks and cancels.
pub async fn run(context: &Context, args: &CancelArgs) -> Result<CancelReport> {
    let target = context.target().await?;
    let (client, stack) = (&target.clients.eventbridge, &target.stack);
    let gate = context.gate(stack);
    gate.allows(Change::CancelReplay)?;
    let replay = find(&target, &args.name).await?;
    if !replay.state.can_be_cancelled() {
        return Ok(CancelReport { replay, cancelled: false, run: None });
    }
    let summary = format!("cancel {}, which is {}, in {}", replay.name, replay.state.as_str(), stack.environment);
    let calls = vec![Call::counted("events", "CancelReplay", &replay.name, 1)];
    let permit = context.confirm(&gate, &Preview::new(Change::CancelReplay, summary, calls))?;
    let header = Header::new("replay cancel", Change::CancelReplay, stack, json!({ "replay": replay.name }));
    let journal = Journal::create(&context.journal_dir()?, &header)?;
    let run = Some(header.run.to_string());
    let error = match archive::cancel(client, stack, &replay.name, &permit).await {
        Ok(()) => {
            journal.finish(Outcome::Done, format!("{} was cancelled", replay.name))?;
            return Ok(CancelReport { replay, cancelled: true, run });
        }
        Err(error) => error,
    };
    // The error itself matters more than a journal that could not be ended.
    let _ = journal.finish(Outcome::Failed, error.to_string());
    // It may have ended while somebody thought about the question.
    match archive::replay(client, &args.name).await {
        Ok(replay) if !replay.state.can_be_cancelled() => Ok(CancelReport { replay, cancelled: false, run }),
        _ => Err(error),
    }
}
