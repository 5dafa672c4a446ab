//! Planning, asking, doing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use super::args::{DlqArgs, RedriveCommand};
use super::editor;
use super::preview::PreviewReport;
use super::report::{RedriveReport, RunReport};
use super::resume;
use crate::change::{Change, Permit};
use crate::context::{Context, Target};
use crate::error::{Error, Result};
use crate::feed::stop::Stop;
use crate::human;
use crate::journal::{Header, Journal};
use crate::redrive::{
    self, History, LeftLetter, Mended, Parcel, Plan, Progress, Redrive, Selection, check_mended, follow, gather, mend,
    save_plan,
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
    let spinner = context.printer.spinner("reading the dead letters");
    let told = |count: u64| spinner.set_message(format!("reading the dead letters: {count}"));
    let gathered = gather(&target.clients, &target.stack, &args.queues(), &stop, told).await?;
    spinner.finish_and_clear();
    if stop.is_requested() {
        return Err(Error::refused("stopped while reading the dead letters", "nothing was changed"));
    }
    let now = Timestamp::now();
    let mut selection = Selection::new(gathered.letters.clone(), &args.selectors, now);
    let mended = mend_all(args, &mut selection, now)?;
    let history = History::read(&dir, &target.stack, now)?;
    let options = args.options();
    let plan = Plan::new(selection, args.selectors.limit, (args.wishes(), &options), &history, &mended);
    let report = PreviewReport::new(args, &target.stack, &gathered, &plan);
    if !args.execute || plan.letters.is_empty() {
        return Ok(RedriveReport::Preview(Box::new(report)));
    }
    redrive::check(&target.clients, &target.stack, &plan.letters, &options).await?;
    let permit = context.confirm_with(&gate, &report.preview, &report)?;
    let arguments = json!({
        "queues": args.queues(), "selection": args.selection(), "options": options, "wishes": args.wishes(),
    });
    let header = Header::new("redrive dlq", Change::Redrive, &target.stack, arguments);
    let journal = Arc::new(Journal::create(&dir, &header)?);
    save_plan(&journal, &plan.letters, &plan.left)?;
    let redrive = Redrive {
        clients: target.clients,
        stack: Arc::new(target.stack),
        options,
        letters: plan.letters,
        known: HashMap::new(),
        accepted: HashMap::new(),
        journal,
    };
    let report = drive(context, args, &redrive, &permit, (plan.left, &stop)).await?;
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
    let run = redrive.journal.run().clone();
    context.printer.note(format!("run {run}: Ctrl-C ends what is under way and gives back the rest"));
    let started = Instant::now();
    let (progress, mut watch) = watch::channel(Progress::default());
    let bar = context.printer.progress(redrive.letters.len() as u64, "sending again");
    let shown = bar.clone();
    let painter = tokio::spawn(async move {
        while watch.changed().await.is_ok() {
            let Progress { redriven, given_up, stopping, .. } = *watch.borrow_and_update();
            shown.set_position((redriven + given_up) as u64);
            if stopping {
                shown.set_message("stopping");
            }
        }
    });
    let finished = redrive.run(permit, &progress, stop).await;
    drop(progress);
    // It ends with the channel.
    let _ = painter.await;
    bar.finish_and_clear();
    let mut finished = finished?;
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    if args.follow > 0 && !stop.is_requested() {
        let bar = context.printer.progress(redrive.letters.len() as u64, "through the stage");
        let time = Duration::from_secs(args.follow);
        let told = |through| bar.set_position(through);
        follow(&redrive.clients, &redrive.stack, &mut finished.letters, time, stop, told).await;
        bar.finish_and_clear();
    }
    let mut report = RunReport {
        resume: None,
        environment: redrive.stack.environment.clone(),
        letters: finished.letters,
        left,
        stopped: finished.stopped,
        aborted: finished.aborted,
        elapsed_ms,
        run,
    };
    if report.redriven() < report.letters.len() {
        report.resume = Some(format!("opsctl redrive dlq --resume {}", report.run));
    }
    redrive.journal.finish(report.outcome(), report.summary())?;
    Ok(report)
}
