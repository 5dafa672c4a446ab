//! A run from its first letter to the end of its journal.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::follow::follow;
use super::plan::LeftLetter;
use super::progress::Progress;
use super::report::RunReport;
use super::run::Redrive;
use crate::change::Permit;
use crate::error::Result;
use crate::feed::stop::Stop;
use crate::invocation::opsctl;

impl Redrive {
    /// Redrives, asks the stages for at most `follow_for` what they make of it, and ends the journal. How far it is stands in
    /// `progress`. `left` is what the plan left; it is only told.
    ///
    /// Whoever asks to `stop` waits for the return, as with [`Redrive::run`]: what is under way is ended, the rest given
    /// back, and the stages are not asked.
    pub async fn carry_out(
        &self,
        permit: &Permit,
        left: Vec<LeftLetter>,
        follow_for: Duration,
        progress: &watch::Sender<Progress>,
        stop: &Stop,
    ) -> Result<RunReport> {
        let started = Instant::now();
        let mut finished = self.run(permit, progress, stop).await?;
        let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if !follow_for.is_zero() && !stop.is_requested() {
            progress.send_modify(|progress| progress.through = Some(0));
            let told = |through: u64| {
                progress.send_modify(|progress| progress.through = usize::try_from(through).ok());
            };
            follow(&self.clients, &self.stack, &mut finished.letters, follow_for, stop, told).await;
        }
        let mut report = RunReport {
            run: self.journal.run().clone(),
            environment: self.stack.environment.clone(),
            letters: finished.letters,
            left,
            stopped: finished.stopped,
            aborted: finished.aborted,
            resume: None,
            elapsed_ms,
        };
        if report.redriven() < report.letters.len() {
            report.resume = Some(opsctl(format!("redrive dlq --resume {}", report.run)));
        }
        self.journal.finish(report.outcome(), report.summary())?;
        Ok(report)
    }
}
