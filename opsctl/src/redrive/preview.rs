//! What would be done.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::edit::difference;
use super::gather::Gathered;
use super::options::{Options, Via};
use super::plan::{Left, LeftLetter, Plan, PlannedLetter};
use super::request::Request;
use crate::aws::dead_letters::Depth;
use crate::change::{Call, Change, Preview};
use crate::error::ExitStatus;
use crate::human;
use crate::invocation::opsctl;
use crate::output::{Report, Styles};
use crate::stack::{Stack, StageName};

/// So many differences are shown as text; JSON has all.
const DIFFERENCES: usize = 20;

/// What would be done.
#[derive(Debug, Serialize)]
pub struct PreviewReport {
    /// True: nothing was changed.
    pub dry_run: bool,
    /// Every call that would change something.
    pub preview: Preview,
    /// What would be sent.
    pub letters: Vec<UpcomingLetter>,
    /// What was selected and would be left.
    pub left: Vec<LeftLetter>,
    /// How many letters were not selected.
    pub not_selected: usize,
    /// What each queue holds.
    pub queues: BTreeMap<StageName, Depth>,
    /// How to do it.
    pub command: String,
}

/// A letter that would be sent.
#[derive(Debug, Serialize)]
pub struct UpcomingLetter {
    /// The letter, with what would be sent.
    #[serde(flatten)]
    pub letter: PlannedLetter,
    /// What was changed in it, as a unified diff.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
}

impl From<&PlannedLetter> for UpcomingLetter {
    fn from(letter: &PlannedLetter) -> Self {
        let original = letter.original.as_deref();
        let difference = original.map(|original| difference(&letter.message_id, original, &letter.body));
        Self { letter: letter.clone(), difference }
    }
}

impl PreviewReport {
    /// The preview of a plan. With `dry_run` it says how to do it, and that nothing was changed.
    pub fn new(request: &Request, stack: &Stack, gathered: &Gathered, plan: &Plan, dry_run: bool) -> Self {
        Self {
            dry_run,
            preview: preview(stack, &request.options, &plan.letters, warnings(gathered, plan)),
            letters: plan.letters.iter().map(UpcomingLetter::from).collect(),
            left: plan.left.clone(),
            not_selected: plan.not_selected,
            queues: gathered.depths.iter().copied().collect(),
            command: opsctl(format!("redrive dlq {request}")) + " --execute",
        }
    }
}

/// The calls that change something.
pub fn preview(stack: &Stack, options: &Options, letters: &[PlannedLetter], mut warnings: Vec<String>) -> Preview {
    let mut calls = Vec::new();
    for name in StageName::ALL {
        let stage = stack.stages.get(name);
        let sent = letters.iter().filter(|letter| letter.stage == name).count() as u64;
        if sent > 0 && options.via == Via::Function {
            calls.push(Call::counted("lambda", "InvokeFunction", &stage.function_name, sent));
        }
        let deleted = letters.iter().filter(|letter| letter.queue == name).count() as u64;
        if deleted > 0 {
            calls.push(Call::counted("sqs", "DeleteMessage", &stage.dlq_name, deleted));
        }
    }
    if options.via == Via::Bus && !letters.is_empty() {
        calls.insert(0, Call::counted("events", "PutEvents", &stack.event_bus.name, letters.len() as u64));
        warnings.push(
            "on the bus every rule that matches sees the events again, and the archive keeps them again".to_owned(),
        );
    }
    let again = letters.iter().filter(|letter| letter.sent_before > 0).count();
    if again > 0 {
        let events = human::count(again as u64, "event");
        warnings.push(format!("{events} came back from an earlier redrive: is what stopped them mended?"));
    }
    let count = human::count(letters.len() as u64, "dead letter");
    let mut preview = Preview::new(Change::Redrive, format!("send {count} again, in {}", stack.environment), calls);
    preview.warnings = warnings;
    preview
}

fn warnings(gathered: &Gathered, plan: &Plan) -> Vec<String> {
    let mut warnings = Vec::new();
    for (name, depth) in &gathered.depths {
        let seen = gathered.letters.iter().filter(|(queue, _)| queue == name).count() as u64;
        if seen < depth.waiting {
            warnings.push(format!(
                "SQS counts {} letters in the queue of {name}, {seen} were found: run it again for the rest",
                depth.waiting
            ));
        }
        if depth.in_flight > 0 {
            let letters = human::count(depth.in_flight, "letter");
            warnings.push(format!("not looked at: {letters} of {name} in somebody else's hand"));
        }
    }
    if gathered.not_given_back > 0 {
        let letters = human::count(gathered.not_given_back, "letter");
        warnings.push(format!("{letters} that were read could not be given back: nobody sees them for up to a minute"));
    }
    let mended = plan.letters.iter().filter(|letter| letter.original.is_some()).count();
    if mended > 0 {
        warnings.push(format!("{} changed before they are sent", human::count(mended as u64, "event")));
    }
    warnings
}

impl Report for PreviewReport {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, warn, dim, .. } = *styles;
        for (stage, depth) in &self.queues {
            let letters: Vec<_> =
                self.letters.iter().map(|upcoming| &upcoming.letter).filter(|letter| letter.queue == *stage).collect();
            let waiting = human::count(depth.waiting, "letter");
            writeln!(out, "{heading}{stage:12}{heading:#}  {} to send, {waiting} in the queue", letters.len())?;
            let mut causes: BTreeMap<&str, usize> = BTreeMap::new();
            for letter in letters {
                *causes.entry(&letter.cause).or_default() += 1;
            }
            for (cause, count) in causes {
                writeln!(out, "  {count:>10}  {cause}")?;
            }
            let mut left: BTreeMap<String, usize> = BTreeMap::new();
            for letter in self.left.iter().filter(|letter| letter.queue == *stage) {
                *left.entry(letter.left.describe()).or_default() += 1;
            }
            for (why, count) in left {
                for (number, line) in human::wrap(&why, 61).into_iter().enumerate() {
                    let count = if number == 0 { format!("{count} left") } else { String::new() };
                    writeln!(out, "  {dim}{count:>10}  {line}{dim:#}")?;
                }
            }
        }
        if self.not_selected > 0 {
            writeln!(out, "{dim}{} not selected{dim:#}", human::count(self.not_selected as u64, "letter"))?;
        }
        let differences: Vec<&String> = self.letters.iter().filter_map(|letter| letter.difference.as_ref()).collect();
        for difference in differences.iter().take(DIFFERENCES) {
            write!(out, "{difference}")?;
        }
        if differences.len() > DIFFERENCES {
            writeln!(
                out,
                "{dim}and {} more differences: --output json has all{dim:#}",
                differences.len() - DIFFERENCES
            )?;
        }
        if self.letters.is_empty() {
            for warning in &self.preview.warnings {
                for line in human::wrap(warning, 78) {
                    writeln!(out, "{warn}{line}{warn:#}")?;
                }
            }
            return writeln!(out, "nothing is to be sent");
        }
        self.preview.write_text(out, styles)?;
        if self.dry_run {
            writeln!(out, "Nothing was changed. To do it: {heading}{}{heading:#}", self.command)?;
        }
        Ok(())
    }

    /// To look is fine, whatever there is. When it was to be done and there was nothing to do, letters that could not be
    /// looked at, or were not sent for another reason than that their stage has rejected them, make it partly done.
    fn exit_status(&self) -> ExitStatus {
        let unseen = self.queues.values().any(|depth| depth.in_flight > 0);
        let refused = self.left.iter().any(|letter| letter.left != Left::Rejected);
        if !self.dry_run && (unseen || refused) { ExitStatus::Partly } else { ExitStatus::Fine }
    }

    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        self.letters.iter().map(serde_json::to_value).collect()
    }
}
