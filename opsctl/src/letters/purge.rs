//! Deleting letters for good: only what was seen before it was confirmed, and only once it is on disk.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aws_sdk_sqs::Client;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::{Drain, ExportFile, LetterRecord, Selectors, Undeleted};
use crate::aws::AwsError;
use crate::aws::dead_letters::{Cause, DeadLetter, Depth, group};
use crate::change::{Call, Change, Permit, Preview};
use crate::error::Result;
use crate::feed::stop::Stop;
use crate::human;
use crate::journal::{Journal, Outcome};
use crate::stack::{Stack, StageName};

/// What a purge will delete.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PurgePlan {
    /// The stage.
    pub stage: StageName,
    /// Its queue's name.
    pub queue: String,
    /// What the queue had, as SQS estimates it.
    pub counted: Depth,
    /// How many letters were read.
    pub read: u64,
    /// Why those that are to be deleted are there, the most frequent first.
    pub causes: Vec<Cause>,
    /// When the oldest of them came in.
    pub oldest: Option<Timestamp>,
    /// When the latest of them came in.
    pub latest: Option<Timestamp>,
    /// Ids of the letters to delete. What comes in later is not among them, whatever it is.
    #[serde(skip)]
    pub ids: BTreeSet<String>,
}

/// How far a purge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PurgeProgress {
    /// Letters to delete.
    pub planned: u64,
    /// Letters on disk.
    pub exported: u64,
    /// Letters deleted.
    pub deleted: u64,
}

/// What a purge did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Purge {
    /// The stage.
    pub stage: StageName,
    /// Its queue's name.
    pub queue: String,
    /// The run in the journal.
    pub run: String,
    /// The file that holds every letter that was deleted.
    pub file: PathBuf,
    /// How far it came.
    #[serde(flatten)]
    pub progress: PurgeProgress,
    /// Letters that are on disk and could not be deleted.
    pub undeleted: Vec<Undeleted>,
    /// True when somebody stopped it.
    pub stopped: bool,
    /// Why it ended early.
    pub error: Option<AwsError>,
    /// How many letters in hand could not be given back at once; they are seen again within a minute.
    pub not_given_back: u64,
}

/// Reads the whole queue and gives it back: what would be deleted. `progress` hears how many letters were read; asked to
/// stop, nothing is planned.
pub async fn plan(
    client: &Client,
    stack: &Stack,
    stage: StageName,
    selectors: &Selectors,
    stop: &Stop,
    progress: impl Fn(u64),
) -> Result<PurgePlan, AwsError> {
    let queue = stack.stages.get(stage);
    let mut drain = Drain::begin(client, stage, queue).await?;
    let mut chosen: Vec<DeadLetter> = Vec::new();
    let outcome = loop {
        if stop.is_requested() {
            chosen.clear();
            break Ok(());
        }
        match drain.next().await {
            Ok(letters) if letters.is_empty() => break Ok(()),
            Ok(letters) => {
                let now = Timestamp::now();
                let meant = letters.into_iter().filter(|letter| selectors.matches(letter, now));
                chosen.extend(meant.map(|letter| DeadLetter { body: String::new(), ..letter }));
            }
            Err(error) => break Err(error),
        }
        progress(drain.seen());
    };
    let (counted, read) = (drain.depth(), drain.seen());
    drain.release().await;
    outcome?;
    // With a limit, the oldest: they are nearest to their end anyway.
    chosen.sort_by(|one, other| (one.sent_at, &one.message_id).cmp(&(other.sent_at, &other.message_id)));
    chosen.truncate(selectors.limit.map_or(usize::MAX, |limit| limit as usize));
    Ok(PurgePlan {
        stage,
        queue: queue.dlq_name.clone(),
        counted,
        read,
        causes: group(&chosen),
        oldest: chosen.iter().filter_map(|letter| letter.sent_at).min(),
        latest: chosen.iter().filter_map(|letter| letter.sent_at).max(),
        ids: chosen.into_iter().map(|letter| letter.message_id).collect(),
    })
}

impl PurgePlan {
    /// How many letters it will delete.
    pub fn count(&self) -> u64 {
        self.ids.len() as u64
    }

    /// What will be done, for whoever confirms it. The queue's name has to be typed.
    pub fn preview(&self, stack: &Stack, file: &Path) -> Preview {
        let letters = human::count(self.count(), "dead letter");
        let summary = format!("delete {letters} of {} for good, in {}", self.stage, stack.environment);
        let calls = vec![Call::counted("sqs", "DeleteMessage", &self.queue, self.count())];
        let mut preview = Preview::new(Change::Purge, summary, calls);
        preview.typed = Some(self.queue.clone());
        preview.warnings.push(format!("they are written to {} first; nothing reads that file back", file.display()));
        let hidden = self.counted.total().saturating_sub(self.read);
        if hidden > 0 {
            let letters = human::count(hidden, "letter");
            preview
                .warnings
                .push(format!("{letters} of the queue, in somebody else's hand, could not be read and will stay"));
        }
        preview
    }
}

/// Everything that a purge needs.
#[derive(Debug, Clone, Copy)]
pub struct Purging<'a> {
    /// The client.
    pub client: &'a Client,
    /// The stack.
    pub stack: &'a Stack,
    /// What to delete.
    pub plan: &'a PurgePlan,
    /// Where to write it first; must not exist.
    pub file: &'a Path,
    /// The run.
    pub journal: &'a Journal,
    /// The confirmation.
    pub permit: &'a Permit,
}

/// Deletes what was planned: reads the queue, writes letters of the plan to the file, and once they are on disk deletes
/// them, batch by batch. All others are given back. Asked to stop, it ends between two batches.
pub async fn purge(purging: Purging<'_>, stop: &Stop, progress: impl Fn(PurgeProgress)) -> Result<Purge> {
    let Purging { client, stack, plan, file, journal, permit } = purging;
    permit.check(Change::Purge, stack)?;
    let mut purge = Purge {
        stage: plan.stage,
        queue: plan.queue.clone(),
        run: journal.run().to_string(),
        file: file.to_owned(),
        progress: PurgeProgress { planned: plan.count(), exported: 0, deleted: 0 },
        undeleted: Vec::new(),
        stopped: false,
        error: None,
        not_given_back: 0,
    };
    let mut drain = Drain::begin(client, plan.stage, stack.stages.get(plan.stage)).await?;
    let mut export = ExportFile::growing(file)?;
    let done = async {
        while purge.progress.exported < plan.count() {
            purge.stopped = stop.is_requested();
            if purge.stopped {
                break;
            }
            let letters = match drain.next().await {
                Ok(letters) if letters.is_empty() => break,
                Ok(letters) => letters,
                Err(error) => {
                    purge.error = Some(error);
                    break;
                }
            };
            let mut ids = Vec::new();
            for letter in letters.into_iter().filter(|letter| plan.ids.contains(&letter.message_id)) {
                ids.push(letter.message_id.clone());
                export.write(&LetterRecord::new(plan.stage, letter))?;
            }
            export.sync()?;
            purge.progress.exported += ids.len() as u64;
            journal.write(&json!({ "record": "exported", "ids": ids }))?;
            let undeleted = drain.delete(stack, permit, &ids).await?;
            purge.progress.deleted += (ids.len() - undeleted.len()) as u64;
            journal
                .write(&json!({ "record": "deleted", "count": ids.len() - undeleted.len(), "undeleted": undeleted }))?;
            purge.undeleted.extend(undeleted);
            progress(purge.progress);
        }
        Ok(())
    }
    .await;
    purge.not_given_back = drain.release().await;
    let finished = done.and_then(|()| export.finish());
    let outcome = match &finished {
        Err(_) => Outcome::Failed,
        Ok(()) => purge.outcome(),
    };
    let PurgeProgress { planned, deleted, .. } = purge.progress;
    journal.finish(outcome, format!("{deleted} of {planned} letters deleted; they are in {}", file.display()))?;
    finished.map(|()| purge)
}

impl Purge {
    /// Letters of the plan that were not found: somebody else has them in hand, or deleted them.
    pub fn not_found(&self) -> u64 {
        let early = self.stopped || self.error.is_some();
        if early { 0 } else { self.progress.planned.saturating_sub(self.progress.exported) }
    }

    /// How it ended, for the journal and the exit code.
    pub fn outcome(&self) -> Outcome {
        match self.progress.deleted {
            deleted if deleted == self.progress.planned => Outcome::Done,
            _ if self.stopped => Outcome::Stopped,
            0 => Outcome::Failed,
            _ => Outcome::Partly,
        }
    }
}
