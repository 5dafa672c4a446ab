//! Planning, asking, doing.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::args::{DlqArgs, RedriveCommand};
use super::editor;
use super::report::RedriveReport;
use super::resume;
use crate::change::{Change, Permit};
use crate::context::{Context, Target};
use crate::error::{Error, Result};
use crate::feed::stop::Stop;
use crate::human;
use crate::redrive::{
    self, LeftLetter, Material, Mended, Parcel, PreviewReport, Progress, Redrive, RunReport, Selection, check_mended,
    mend,
};

/// Redrives, or shows what a redrive would do.
pub async fn run(context: &Context, command: &RedriveCommand) -> Result<RedriveReport> {
    let RedriveCommand::Dlq(args) = command;
    redrive_dlq(context, args, context.target().await?).await
}

/// `opsctl redrive dlq` on a stack that is known already.
pub async fn redrive_dlq(context: &Context, args: &DlqArgs, target: Target) -> Result<RedriveReport> {
    let gate = context.gate(&target.stack);
    if args.execute || args.resume.is_some() {
        gate.allows(Change::Redrive)?;
    }
    let dir = context.journal_dir()?;
    if let Some(run) = &args.resume {
        return Ok(RedriveReport::Run(Box::new(resume::run(context, args, &target, &gate, (&dir, run)).await?)));
    }
    let stop = Stop::on_ctrl_c();
    let request = args.request();
    let spinner = context.printer.spinner("reading the dead letters");
    let told = |count: u64| spinner.set_message(format!("reading the dead letters: {count}"));
    let material = Material::read((&target.clients, &target.stack), &dir, &request.queues, &stop, told).await?;
    spinner.finish_and_clear();
    let now = Timestamp::now();
    let mut selection = material.select(&request.selectors, now);
    let mended = mend_all(args, &mut selection, now)?;
    let plan = material.plan(&request, selection, &mended);
    let report = PreviewReport::new(&request, &target.stack, &material.gathered, &plan, !args.execute);
    if !args.execute || plan.letters.is_empty() {
        return Ok(RedriveReport::Preview(Box::new(report)));
    }
    redrive::check(&target.clients, &target.stack, &plan.letters, &request.options).await?;
    let permit = context.confirm_with(&gate, &report.preview, &report)?;
    let (redrive, left) = request.begin(&dir, target.clients, target.stack, plan)?;
    let report = drive(context, args, &redrive, &permit, (left, &stop)).await?;
    Ok(RedriveReport::Run(Box::new(report)))
}

/// Applies --set and --edit, and checks what came of it: when one mended event is still wrong, none is sent.
fn mend_all(args: &DlqArgs, selection: &mut Selection, now: Timestamp) -> Result<Mended> {
    let mut mended = Mended::new();
    let mut faults = Vec::new();
    if args.edit
        && let Some(limit) = args.selectors.limit
    {
        selection.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    if !args.set.is_empty() {
        for (_, letter) in &selection.letters {
            let payload = Parcel::open(&letter.body).map_or_else(|_| letter.body.clone(), |parcel| parcel.payload);
            match mend(&payload, &args.set) {
                Ok(Some(envelope)) => {
                    mended.insert(letter.message_id.clone(), envelope);
                }
                Ok(None) => {}
                Err(reason) => faults.push(format!("{}: {reason}", letter.message_id)),
            }
        }
    }
    if args.edit {
        editor::edit(selection, &mut mended)?;
    }
    for (_, letter) in &selection.letters {
        let checked = mended.get(&letter.message_id).map(|envelope| check_mended(envelope, now));
        if let Some(Err(reason)) = checked {
            faults.push(format!("{}: {reason}", letter.message_id));
        }
    }
    if faults.is_empty() {
        return Ok(mended);
    }
    let count = human::count(faults.len() as u64, "event");
    faults.truncate(5);
    Err(Error::usage(
        format!("{count} would be rejected as mended, so nothing is sent: {}", faults.join("; ")),
        "mend what is named, or leave those letters out with the selectors",
    ))
}

/// Does a planned redrive, shows how far it is, follows what was sent, and ends the journal.
pub(super) async fn drive(
    context: &Context,
    args: &DlqArgs,
    redrive: &Redrive,
    permit: &Permit,
    (left, stop): (Vec<LeftLetter>, &Stop),
) -> Result<RunReport> {
    let run = redrive.journal.run();
    context.printer.note(format!("run {run}: Ctrl-C ends what is under way and gives back the rest"));
    let (progress, mut watch) = watch::channel(Progress::default());
    let bar = context.printer.progress(redrive.letters.len() as u64, "sending again");
    let shown = bar.clone();
    let painter = tokio::spawn(async move {
        while watch.changed().await.is_ok() {
            let Progress { redriven, given_up, stopping, through, .. } = *watch.borrow_and_update();
            shown.set_position(through.unwrap_or(redriven + given_up) as u64);
            match through {
                _ if stopping => shown.set_message("stopping"),
                Some(_) => shown.set_message("through the stage"),
                None => {}
            }
        }
    });
    let report = redrive.carry_out(permit, left, Duration::from_secs(args.follow), &progress, stop).await;
    drop(progress);
    // It ends with the channel.
    let _ = painter.await;
    bar.finish_and_clear();
    report
}
