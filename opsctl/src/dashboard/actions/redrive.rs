//! A redrive: the plan and the run of `opsctl redrive dlq`, asked for and shown by the screen.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::operator::{Teller, Tools};
use super::paper;
use super::told::{Outcome, Previewed, Told};
use super::update;
use crate::change::{Gate, Permit, Preview};
use crate::error::Result;
use crate::feed::stop::Stop;
use crate::human;
use crate::redrive::{self, Material, Mended, Plan, PreviewReport, Progress, Request, Wishes};
use crate::stack::Stack;

/// The stages are asked for so long what they make of what they were sent; the command's default too.
const FOLLOW: Duration = Duration::from_secs(30);
/// The screen need not know more often how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// A redrive that was planned.
#[derive(Debug)]
pub(super) struct PreparedRedrive {
    request: Request,
    material: Material,
    plan: Plan,
    report: PreviewReport,
}

impl PreparedRedrive {
    /// Reads the queues, gives everything back, and plans.
    pub(super) async fn read(tools: &Tools, request: Request, stop: &Stop, teller: &Teller) -> Result<Self> {
        let told = |count| teller.tell(Told::Read(count));
        let material =
            Material::read((&tools.clients, &tools.stack), &tools.journal_dir, &request.queues, stop, told).await?;
        Self::check(tools, Self::plan(&tools.stack, request, material)).await
    }

    /// Plans with other wishes, on what was read.
    pub(super) async fn plan_again(self, tools: &Tools, wishes: Wishes) -> Result<Self> {
        Self::check(tools, Self::plan(&tools.stack, Request { wishes, ..self.request }, self.material)).await
    }

    /// Plans on what was read.
    pub(super) fn plan(stack: &Stack, request: Request, material: Material) -> Self {
        let selection = material.select(&request.selectors, Timestamp::now());
        let plan = material.plan(&request, selection, &Mended::new());
        let mut report = PreviewReport::new(&request, stack, &material.gathered, &plan, false);
        report.preview.warnings.extend(missing(&request, &material));
        Self { request, material, plan, report }
    }

    /// Refuses what the stages could not take now.
    async fn check(tools: &Tools, prepared: Self) -> Result<Self> {
        if !prepared.plan.letters.is_empty() {
            let options = &prepared.request.options;
            redrive::check(&tools.clients, &tools.stack, &prepared.plan.letters, options).await?;
        }
        Ok(prepared)
    }

    pub(super) fn preview(&self) -> &Preview {
        &self.report.preview
    }

    /// What is shown of it: what the command prints before it asks.
    pub(super) fn shown(&self, gate: &Gate) -> Previewed {
        let preview = self.report.preview.clone();
        Previewed {
            lines: paper::lines_of(&self.report),
            needed: (!self.plan.letters.is_empty()).then(|| gate.needs(&preview)),
            wishes: Some(self.request.wishes),
            left: update::left(&self.plan.left),
            preview,
        }
    }

    /// Does it, under a journal of its own.
    pub(super) async fn carry_out(self, tools: Tools, permit: Permit, stop: Stop, teller: Teller) -> Result<Outcome> {
        let Tools { clients, stack, journal_dir } = tools;
        let (redrive, left) = self.request.begin(&journal_dir, clients, stack, self.plan)?;
        teller.tell(Told::Began(redrive.journal.run().to_string()));
        let (progress, mut watch) = watch::channel(Progress::default());
        let work = async move {
            // With the progress ends the telling.
            let progress = progress;
            redrive.carry_out(&permit, left, FOLLOW, &progress, &stop).await
        };
        let telling = async move {
            while watch.changed().await.is_ok() {
                teller.tell(Told::Progress(watch.borrow_and_update().clone()));
                tokio::time::sleep(TOLD_EVERY).await;
            }
        };
        let (report, ()) = tokio::join!(work, telling);
        Ok(Outcome::Redrive(Box::new(report?)))
    }
}

/// What is to be said of letters that were asked for by their ids and are not there.
fn missing(request: &Request, material: &Material) -> Option<String> {
    let there = |id: &&String| material.gathered.letters.iter().any(|(_, letter)| letter.message_id == **id);
    let missing = request.selectors.id.iter().filter(|id| !there(id)).count();
    let letters = human::count(missing as u64, "letter");
    (missing > 0).then(|| format!("{letters} of those meant were not found: they are gone, or in somebody else's hand"))
}
