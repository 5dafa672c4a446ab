//! Going on with a run that was stopped, killed, or partly done.

use std::path::Path;
use std::sync::Arc;

use super::args::DlqArgs;
use super::run::drive;
use crate::change::{Change, Gate};
use crate::context::{Context, Target};
use crate::error::{Error, Result};
use crate::feed::stop::Stop;
use crate::journal::{self, Journal};
use crate::redrive::machine::Known;
use crate::redrive::{self, PlannedLetter, Redrive, Resumed, RunReport, preview};

/// Takes up a run with its own options.
pub(super) async fn run(
    context: &Context,
    args: &DlqArgs,
    target: &Target,
    gate: &Gate,
    (dir, name): (&Path, &str),
) -> Result<RunReport> {
    // Between a redrive and its resumption anything may have been done, here or on another stack.
    let run = journal::find(dir, name, |header| header.change == Change::Redrive && header.is_of(&target.stack))?;
    let recording = journal::open(dir, &run)?;
    let header = &recording.entry.header;
    if header.change != Change::Redrive {
        return Err(Error::usage(
            format!("failed to resume run {run}: it is no redrive but `{}`", header.command),
            "`opsctl journal list` shows the runs",
        ));
    }
    if !header.is_of(&target.stack) {
        return Err(Error::refused(
            format!(
                "refused to resume run {run}: it is of {} in {} of account {}, the stack is of {} in {} of account {}",
                header.environment,
                header.region,
                header.account_id,
                target.stack.environment,
                target.stack.region,
                target.stack.account_id
            ),
            "point --stack-dir or --outputs at the stack that the run was on",
        ));
    }
    let Resumed { options, letters, known, accepted } = Resumed::read(&recording)?;
    let open: Vec<PlannedLetter> =
        letters.iter().filter(|letter| known.get(&letter.message_id) != Some(&Known::Deleted)).cloned().collect();
    redrive::check(&target.clients, &target.stack, &open, &options).await?;
    let mut preview = preview(&target.stack, &options, &open, Vec::new());
    let sent = open.iter().filter(|letter| known.contains_key(&letter.message_id)).count();
    if sent > 0 {
        preview.warnings.push(format!("{sent} of them were sent already and are only to be proven and deleted"));
    }
    let permit = context.confirm(gate, &preview)?;
    let journal = Arc::new(Journal::append(dir, &run)?);
    let redrive = Redrive {
        clients: target.clients.clone(),
        stack: Arc::new(target.stack.clone()),
        options,
        letters,
        known,
        accepted,
        journal,
    };
    drive(context, args, &redrive, &permit, (Vec::new(), &Stop::on_ctrl_c())).await
}
