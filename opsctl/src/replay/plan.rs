//! What a replay would do.

use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};
use market::rules::RulesDocument;
use serde::Serialize;

use super::Cost;
use crate::aws::archive::{self, Archive, NewReplay};
use crate::aws::functions::{self, StageFunction};
use crate::aws::{AwsError, Clients, parameters, rule_metrics};
use crate::change::{Call, Change, Preview};
use crate::feed::random;
use crate::human;
use crate::output::{Report, Styles};
use crate::stack::{Stack, StageName};

/// An event may be missing from the archive for so long after it was published
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-replay-archived-event.html>).
pub const LAG: SignedDuration = SignedDuration::from_mins(10);

/// `StartReplay` takes names of at most so many characters.
const NAME: usize = 64;

/// A span of event times, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The first.
    pub from: Timestamp,
    /// The last.
    pub to: Timestamp,
}

/// A rule that the events will be matched with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedRule {
    /// The stage that it feeds.
    pub stage: StageName,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// How many events matched it in that time, as its metric counts.
    pub matched: Option<u64>,
}

/// How many events there will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "source", content = "count")]
pub enum Events {
    /// As the rules' metrics count; replays of that time are counted too.
    Metric(u64),
    /// The metrics could not be read: no more than the archive holds.
    AtMost(u64),
}

impl Events {
    /// The number.
    pub const fn count(self) -> u64 {
        match self {
            Self::Metric(count) | Self::AtMost(count) => count,
        }
    }
}

/// Whether replayed events send mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "mail")]
pub enum Mail {
    /// These enabled rules have `send_on_replay`; none: no mail goes out.
    Rules {
        /// Their ids.
        rules: Vec<String>,
    },
    /// The document could not be read.
    Unknown {
        /// Why.
        reason: String,
    },
}

/// What a replay would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayPlan {
    /// Its name.
    pub name: String,
    /// The time that it is about.
    pub span: Span,
    /// The rules that the events will be matched with.
    pub rules: Vec<PlannedRule>,
    /// The archive.
    pub archive: Archive,
    /// How many events there will be.
    pub events: Events,
    /// What it costs, in US dollars.
    pub cost: Cost,
    /// Whether they send mail.
    pub mail: Mail,
    /// The stages that will get them, as they are.
    pub stages: Vec<StageFunction>,
    /// True when the last events of the span may not be in the archive yet.
    pub too_fresh: bool,
    /// When this is.
    pub now: Timestamp,
}

/// A name for a replay that starts now and that no other has.
pub fn new_name(environment: &str, now: Timestamp) -> String {
    let end = format!("{}-{:06x}", now.strftime("%Y%m%dT%H%M%S"), random::unique() >> 40);
    let most = NAME - "replay--".len() - end.len();
    let environment: String = environment.chars().take(most).collect();
    format!("replay-{environment}-{end}")
}

/// Reads what is needed to tell what a replay would do; nothing is changed. A metric or a rules document that cannot be
/// read is told in the plan, all else is an error.
pub async fn plan(
    clients: &Clients,
    stack: &Stack,
    name: String,
    span: Span,
    stages: &[StageName],
    now: Timestamp,
) -> Result<ReplayPlan, AwsError> {
    let counts = futures::future::join_all(stages.iter().map(|name| {
        let rule = &stack.stages.get(*name).rule_name;
        rule_metrics::matched(&clients.cloudwatch, &stack.event_bus.name, rule, (span.from, span.to), now)
    }));
    let functions = stages.iter().map(|name| functions::read_stage(clients, stack, *name, stack.stages.get(*name)));
    let (counts, mail, archive, functions) = futures::join!(
        counts,
        mail(clients, stack),
        archive::describe(&clients.eventbridge, &stack.archive.name),
        futures::future::try_join_all(functions),
    );
    let archive = archive?;
    let rules: Vec<PlannedRule> = stages
        .iter()
        .zip(counts)
        .map(|(name, matched)| {
            let stage = stack.stages.get(*name);
            let (rule, arn) = (stage.rule_name.clone(), stage.rule_arn.clone());
            PlannedRule { stage: *name, name: rule, arn, matched: matched.ok() }
        })
        .collect();
    let events = match rules.iter().map(|rule| rule.matched).sum() {
        Some(count) => Events::Metric(count),
        None => Events::AtMost(archive.events),
    };
    Ok(ReplayPlan {
        name,
        span,
        rules,
        cost: Cost::of(events.count()),
        archive,
        events,
        mail,
        stages: functions?,
        too_fresh: now.duration_since(span.to) < LAG,
        now,
    })
}

async fn mail(clients: &Clients, stack: &Stack) -> Mail {
    let text = match parameters::alert_rules(&clients.ssm, stack).await {
        Ok(text) => text,
        Err(error) => return Mail::Unknown { reason: error.to_string() },
    };
    match RulesDocument::parse(&text) {
        Ok(document) => {
            let rules = document.rules.iter().filter(|rule| rule.enabled && rule.send_on_replay);
            Mail::Rules { rules: rules.map(|rule| rule.id.to_string()).collect() }
        }
        Err(error) => Mail::Unknown { reason: error.to_string() },
    }
}

impl ReplayPlan {
    /// What to tell AWS.
    pub fn new_replay(&self) -> NewReplay {
        NewReplay {
            name: self.name.clone(),
            from: self.span.from,
            to: self.span.to,
            rules: self.rules.iter().map(|rule| rule.arn.clone()).collect(),
        }
    }

    /// What will be done, for whoever confirms it.
    pub fn preview(&self, stack: &Stack) -> Preview {
        let stages: Vec<&str> = self.rules.iter().map(|rule| rule.stage.as_str()).collect();
        let summary = format!(
            "replay {} to {}, in {}",
            human::count(self.events.count(), "event"),
            stages.join(", "),
            stack.environment
        );
        let calls = vec![Call::counted("events", "StartReplay", &self.name, 1)];
        let mut preview = Preview::new(Change::StartReplay, summary, calls);
        preview.warnings = self.warnings();
        preview
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.events.count() == 0 {
            warnings.push("no event matched in that time: there seems to be nothing to replay".to_owned());
        }
        match &self.mail {
            Mail::Rules { rules } if rules.is_empty() => {}
            Mail::Rules { rules } => warnings.push(format!(
                "alerts of these rules are mailed again, for they have send_on_replay: {}",
                rules.join(", ")
            )),
            Mail::Unknown { reason } => {
                warnings.push(format!("whether replayed events send mail is unknown: {reason}"));
            }
        }
        if self.too_fresh {
            warnings.push(
                "an event may come to the archive ten minutes late: the last ones of the span may be missing"
                    .to_owned(),
            );
        }
        for stage in &self.stages {
            if stage.is_paused() {
                warnings.push(format!("{0} is paused: all of it goes to its dead letter queue", stage.stage));
            }
            if !stage.rule_enabled {
                warnings.push(format!("the rule that feeds {} is switched off: nothing reaches it", stage.stage));
            }
        }
        if !self.archive.enabled {
            warnings.push(format!("{} is not enabled: it takes no events in", self.archive.name));
        }
        let kept = self.archive.retention_days.map(|days| self.now - SignedDuration::from_hours(24 * i64::from(days)));
        let since = kept.max(self.archive.created_at);
        if let Some(since) = since.filter(|since| self.span.from < *since) {
            warnings.push(format!("the archive reaches back to {} only", human_time(since)));
        }
        if self.rules.iter().any(|rule| rule.stage != StageName::Ingestion) {
            warnings.push(
                "Validated and Alert events come again of Raw ones by themselves; replayed beside them they come twice, \
                 and are recognised"
                    .to_owned(),
            );
        }
        warnings
    }
}

/// In UTC, to the second.
pub fn human_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// What is shown before the question.
impl Report for ReplayPlan {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, dim, .. } = *styles;
        let Span { from, to } = self.span;
        let length = human::since(from, to);
        writeln!(out, "{heading}{} to {}{heading:#}, {length}", human_time(from), human_time(to))?;
        let count = self.events.count();
        match self.events {
            Events::Metric(_) => {
                writeln!(out, "  events  about {count}, as the rule's metric MatchedEvents counted")?;
                writeln!(out, "          {dim}(earlier replays of that time are counted too){dim:#}")?;
            }
            Events::AtMost(_) => {
                writeln!(out, "  events  at most {count}, all that the archive holds; the metric could not be read")?;
            }
        }
        let Cost { all_known, all_new } = self.cost;
        let dollars = |cost: f64| if cost < 0.01 { "less than $0.01".to_owned() } else { format!("${cost:.2}") };
        let (known, new) = (dollars(all_known), dollars(all_new));
        writeln!(out, "  cost    {known} if all are known already, {new} if all are new")?;
        if self.mail == (Mail::Rules { rules: Vec::new() }) {
            writeln!(out, "  mail    none: no enabled rule has send_on_replay")?;
        }
        writeln!(out, "  archive {}, {} events of every kind", self.archive.name, self.archive.events)?;
        writeln!(out)
    }
}
