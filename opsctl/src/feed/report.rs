//! What was sent, and what became of it.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::aws::AwsError;
use crate::error::ExitStatus;
use crate::feed::follow::{Followed, Follower, Outcome};
use crate::feed::sender::SentEvent;
use crate::feed::source::BadLine;
use crate::feed::stop::Stop;
use crate::feed::summary::{Quantiles, Summary};
use crate::feed::timeline::Moment;
use crate::human;
use crate::invocation::opsctl;
use crate::journal::RunId;
use crate::output::{Report, Styles};

/// So many events that went wrong are shown.
const SHOWN: usize = 10;

/// What was sent, and with `--wait` what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SendTestEventReport {
    /// The stack's environment.
    pub environment: String,
    /// The bus.
    pub bus: String,
    /// The run; its journal has what was sent.
    pub run: RunId,
    /// The source that the events were published with.
    pub source: String,
    /// How many events there were to send.
    pub planned: usize,
    /// Lines of the file that were left out.
    pub skipped: Vec<BadLine>,
    /// True when someone stopped it before all were sent, or before all had ended.
    pub stopped: bool,
    /// Why it ended before all were sent.
    pub error: Option<AwsError>,
    /// How long the sending took.
    pub elapsed_ms: u64,
    /// The events; with `--wait` they stand below `follow`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<SentEvent>,
    /// What became of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow: Option<Followup>,
}

/// What became of the events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Followup {
    /// In numbers.
    pub summary: Summary,
    /// The way of a single event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Vec<Moment>>,
    /// One by one, in the order of their sending.
    pub events: Vec<Followed>,
}

impl SendTestEventReport {
    fn sent(&self) -> impl Iterator<Item = &SentEvent> {
        let followed = self.follow.iter().flat_map(|follow| &follow.events).map(|event| &event.sent);
        self.events.iter().chain(followed)
    }

    fn write_run(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let dim = styles.dim;
        writeln!(out, "{dim}journal: {}{dim:#}", opsctl(format!("journal show {}", self.run)))
    }

    fn accepted(&self) -> usize {
        self.sent().filter(|event| event.refused.is_none()).count()
    }
}

impl Report for SendTestEventReport {
    fn exit_status(&self) -> ExitStatus {
        let good = match &self.follow {
            Some(follow) => follow.summary.as_expected,
            // A poison that the bus refuses is refused as it should be.
            None => self.sent().filter(|event| event.refused.is_none() || event.poison).count(),
        };
        match good {
            good if good == self.planned => ExitStatus::Fine,
            0 => ExitStatus::Failed,
            _ => ExitStatus::Partly,
        }
    }

    /// One line an event, and a last one with the rest.
    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        let mut lines = match &self.follow {
            Some(follow) => follow.events.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?,
            None => self.events.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?,
        };
        let mut rest = self.clone();
        rest.events.clear();
        if let Some(follow) = &mut rest.follow {
            follow.events.clear();
        }
        lines.push(serde_json::to_value(rest)?);
        Ok(lines)
    }

    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let (warn, bad) = (styles.warn, styles.bad);
        for line in &self.skipped {
            writeln!(out, "{warn}left out{warn:#} line {}: {}", line.line, line.reason)?;
        }
        let elapsed = if self.planned > 1 {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of a sending are few")]
            let elapsed = self.elapsed_ms as f64;
            format!(" in {}", human::duration(elapsed))
        } else {
            String::new()
        };
        writeln!(
            out,
            "{} of {} sent to {} as {}{elapsed}",
            self.accepted(),
            human::count(self.planned as u64, "event"),
            self.bus,
            self.source
        )?;
        if self.stopped {
            let what = if self.sent().count() < self.planned { "all were sent" } else { "all had ended" };
            writeln!(out, "{warn}stopped{warn:#} before {what}")?;
        }
        if let Some(error) = &self.error {
            writeln!(out, "{bad}ended early{bad:#}: {error}")?;
            writeln!(out, "  → {}", error.help())?;
        }
        if let Some(follow) = &self.follow {
            follow.write_text(out, styles)?;
            return self.write_run(out, styles);
        }
        for event in self.events.iter().filter(|event| event.refused.is_some()).take(SHOWN) {
            let reason = event.refused.as_deref().unwrap_or_default();
            writeln!(out, "  {bad}refused by the bus{bad:#} {}: {reason}", event.event_id)?;
        }
        if let [event] = self.events.as_slice() {
            write_identity(out, event)?;
        }
        self.write_run(out, styles)
    }
}

impl Followup {
    /// Follows events until each has ended, `timeout` is over, or somebody asks to stop; of a single one the way is read
    /// too. `progress` hears how many have ended.
    pub async fn read(
        follower: &Follower,
        sent: &[SentEvent],
        timeout: Duration,
        stop: &Stop,
        progress: impl Fn(u64),
    ) -> Result<Self, AwsError> {
        let events = follower.follow(sent, timeout, stop, progress).await?;
        let timeline = match events.as_slice() {
            [event] => Some(follower.timeline(event, timeout, stop).await?),
            _ => None,
        };
        Ok(Self { summary: Summary::of(&events), timeline, events })
    }

    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        match (self.events.as_slice(), &self.timeline) {
            ([event], Some(timeline)) => write_one(out, event, timeline, styles),
            _ => self.write_many(out, styles),
        }
    }

    fn write_many(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Summary { processed, duplicate, conflict, rejected, refused, late, lost, open, alerts, .. } = self.summary;
        writeln!(out)?;
        let counts = [
            (processed, "processed"),
            (duplicate, "known already (duplicates)"),
            (conflict, "with an identity that other content has"),
            (rejected, "rejected"),
            (refused, "refused by the bus"),
            (late, "late: stored, not processed in time"),
            (lost, "lost: no trace of them in time"),
            (open, "not followed to their end"),
        ];
        for (count, what) in counts.into_iter().filter(|(count, what)| *count > 0 || *what == "processed") {
            writeln!(out, "  {count:>7} {what}")?;
        }
        if alerts > 0 {
            writeln!(out, "  {alerts:>7} raised an alert")?;
        }
        let spans = [
            ("sent → stored", self.summary.sent_to_stored),
            ("stored → processed", self.summary.stored_to_processed),
            ("sent → processed", self.summary.sent_to_processed),
        ];
        if spans.iter().any(|(_, span)| span.is_some()) {
            let dim = styles.dim;
            writeln!(out)?;
            writeln!(out, "{dim}  {:<20}{:>11}{:>11}{:>11}{:>11}{dim:#}", "", "p50", "p95", "p99", "slowest")?;
        }
        for (name, span) in spans {
            if let Some(Quantiles { p50_ms, p95_ms, p99_ms, max_ms }) = span {
                let [p50, p95, p99, max] = [p50_ms, p95_ms, p99_ms, max_ms].map(human::duration);
                writeln!(out, "  {name:<20}{p50:>11}{p95:>11}{p99:>11}{max:>11}")?;
            }
        }
        let is_wrong =
            |event: &&Followed| event.outcome != Outcome::Open && !event.outcome.is_expected(event.sent.poison);
        let wrong: Vec<_> = self.events.iter().filter(is_wrong).collect();
        if !wrong.is_empty() {
            writeln!(out)?;
            for event in wrong.iter().take(SHOWN) {
                let (style, words) = describe(event, styles);
                writeln!(out, "  {style}{words}{style:#} {}", event.sent.event_id)?;
            }
            if wrong.len() > SHOWN {
                writeln!(out, "  and {} more; --output jsonl has all", wrong.len() - SHOWN)?;
            }
        }
        Ok(())
    }
}

fn write_one(out: &mut dyn Write, event: &Followed, timeline: &[Moment], styles: &Styles) -> io::Result<()> {
    let (style, words) = describe(event, styles);
    writeln!(out, "{style}{words}{style:#}")?;
    write_identity(out, &event.sent)?;
    writeln!(out)?;
    for moment in timeline {
        let offset = human::offset(event.sent.sent_at, moment.at);
        #[expect(clippy::cast_precision_loss, reason = "a function runs for 15 minutes at most")]
        let took = moment.duration_ms.map(|took| format!(" took {}", human::duration(took as f64)));
        let took = took.unwrap_or_default();
        writeln!(out, "  {offset:>9}  {:<13} {}{took}", moment.who, moment.what)?;
        for line in moment.reason.iter().flat_map(|reason| human::wrap(reason, 66)) {
            writeln!(out, "             {line}")?;
        }
    }
    Ok(())
}

fn write_identity(out: &mut dyn Write, event: &SentEvent) -> io::Result<()> {
    if !event.event_id.is_empty() {
        writeln!(out, "  event {}", event.event_id)?;
    }
    match event.trace_id.as_ref().filter(|_| event.refused.is_none()) {
        Some(trace_id) => writeln!(out, "  trace {trace_id}"),
        None => Ok(()),
    }
}

fn describe(event: &Followed, styles: &Styles) -> (anstyle::Style, String) {
    let words = match &event.outcome {
        Outcome::Processed { processed_at, tags, alert, .. } => {
            let took = processed_at.map(|at| format!(" {} after it was sent", human::since(event.sent.sent_at, at)));
            let tags = if tags.is_empty() { String::new() } else { format!(", tagged {}", tags.join(", ")) };
            let alert = if *alert { ", raised an alert" } else { "" };
            format!("PROCESSED{}{tags}{alert}", took.unwrap_or_default())
        }
        Outcome::Duplicate => "DUPLICATE: it was there already".to_owned(),
        Outcome::Conflict { reason } => format!("CONFLICT: {reason}"),
        Outcome::Rejected { stage, reason } => format!("REJECTED by {stage}: {reason}"),
        Outcome::Refused { reason } => format!("REFUSED by the bus: {reason}"),
        Outcome::Late => "LATE: stored, but not processed in time".to_owned(),
        Outcome::Lost => "LOST: no trace of it in time".to_owned(),
        Outcome::Open => "NOT FOLLOWED to its end".to_owned(),
    };
    let style = match (&event.outcome, event.outcome.is_expected(event.sent.poison)) {
        (Outcome::Duplicate, true) => styles.warn,
        (_, true) => styles.good,
        _ => styles.bad,
    };
    (style, words)
}
