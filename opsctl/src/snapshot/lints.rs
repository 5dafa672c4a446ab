//! The checks behind the verdict: each small, with a sentence and what to do.

use jiff::{SignedDuration, Timestamp};

use super::{Finding, Freshness, Remedy, Severity, Snapshot, SourceName};
use crate::aws::AwsErrorKind;
use crate::aws::alarms::{Alarm, AlarmState};
use crate::aws::dead_letters::Origin;
use crate::human;
use crate::invocation::{opsctl, quoted};
use crate::stack::StageName;

/// An event that waits longer for its invocation has become late.
const LATE_EVENT_MS: f64 = 60_000.0;
/// A stored event that is not processed by then is stuck: Lambda's three attempts take about four minutes.
const STUCK_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// From this share of errors on, in percent, a stage does not do its work.
const MANY_ERRORS_PERCENT: f64 = 5.0;

/// Errors are over when so long after the beginning of the last minute that had one none has come.
const OVER_AFTER: SignedDuration = SignedDuration::from_mins(3);

/// A check: adds what it finds.
pub(super) type Lint = fn(&Snapshot, &mut Vec<Finding>);

/// All checks, in the order in which a person wants to know: a cause before its consequences, and a number before the
/// alarm that rings because of it.
pub(super) const LINTS: [Lint; 9] =
    [sources, lost_events, stage_is_off, dead_letters, stage_errors, stage_capacity, alarms, stuck_events, silence];

/// What could not be read, and what has become too old to tell anything.
fn sources(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let mut errors = snapshot.errors();
    // Nobody can do anything about it; it is said where the data would stand.
    errors.retain(|(_, error)| error.kind != AwsErrorKind::NotKept);
    while let Some((_, first)) = errors.first().copied() {
        // What fails for the same reason is said once.
        let (same, others): (Vec<_>, Vec<_>) = errors.into_iter().partition(|(_, error)| error.cause == first.cause);
        let names: Vec<&str> = same.iter().map(|(name, _)| *name).collect();
        let why = if same.len() == 1 { &first.message } else { &first.cause };
        let message = if same.len() == SourceName::ALL.len() {
            format!("nothing can be read: {why}")
        } else {
            format!("{} unknown: {why}", names.join(", "))
        };
        findings.push(Finding {
            lint: "source-failed",
            severity: Severity::Warning,
            stage: None,
            message,
            action: first.help.clone(),
            // Since when nothing is known, which the latest of the attempts does not tell.
            since: names.iter().filter_map(|name| read_at(snapshot, name)).min(),
            remedy: None,
        });
        errors = others;
    }
    let now = snapshot.taken_at;
    let ages = [
        ("alarms", snapshot.alarms.freshness(now)),
        ("dead letters", snapshot.dead_letters.freshness(now)),
        ("functions", snapshot.functions.freshness(now)),
        ("metrics", snapshot.metrics.freshness(now)),
    ];
    // What fails is said above, with the time of what is known.
    let failed: Vec<&str> = snapshot.errors().into_iter().map(|(name, _)| name).collect();
    for (name, freshness) in ages.into_iter().filter(|(name, _)| !failed.contains(name)) {
        if let (Freshness::Stale, Some(at)) = (freshness, read_at(snapshot, name)) {
            findings.push(Finding {
                lint: "source-stale",
                severity: Severity::Warning,
                stage: None,
                message: format!("{name} were last read {} ago and say nothing about now", human::since(at, now)),
                action: "wait for the next refresh, or see why it fails".to_owned(),
                since: Some(at),
                remedy: None,
            });
        }
    }
}

/// When a source was last read, by the name that its errors have.
fn read_at(snapshot: &Snapshot, name: &str) -> Option<Timestamp> {
    match name {
        "alarms" => snapshot.alarms.fetched_at,
        "dead letters" => snapshot.dead_letters.fetched_at,
        "functions" => snapshot.functions.fetched_at,
        "metrics" => snapshot.metrics.fetched_at,
        "latencies" => snapshot.latencies.fetched_at,
        "events" => snapshot.events.fetched_at,
        _ => None,
    }
}

fn alarms(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for alarm in snapshot.alarms.data.iter().flatten() {
        let (lint, severity, message, action) = match alarm.state {
            AlarmState::Alarm if is_emptied(snapshot, alarm) => (
                "alarm-ringing",
                Severity::Warning,
                format!("{} still rings, though its queue is empty again", alarm.name),
                "nothing: it ends by itself, CloudWatch counts what is in a queue once a minute".to_owned(),
            ),
            AlarmState::Alarm => (
                "alarm-ringing",
                Severity::Critical,
                format!("{} rings: {}", alarm.name, meaning(&alarm.kind)),
                match alarm.stage {
                    Some(stage) => format!("see the {stage} line below and its log group"),
                    None => "see the resource that its name says".to_owned(),
                },
            ),
            AlarmState::Missing => (
                "alarm-missing",
                Severity::Warning,
                format!("{} does not exist, so nobody is told of {}", alarm.name, alarm.kind),
                "apply lib/ again: `terraform -chdir=lib apply`".to_owned(),
            ),
            AlarmState::Ok | AlarmState::InsufficientData if !alarm.actions_enabled => (
                "alarm-muted",
                Severity::Warning,
                format!("{} is muted: its actions are switched off", alarm.name),
                format!("aws cloudwatch enable-alarm-actions --alarm-names {}", alarm.name),
            ),
            AlarmState::Ok | AlarmState::InsufficientData => continue,
        };
        // When it was muted or went missing is not known.
        let since = alarm.since.filter(|_| alarm.state == AlarmState::Alarm);
        let remedy = (alarm.state == AlarmState::Alarm).then(|| Remedy::AlarmHistory(alarm.name.clone()));
        findings.push(Finding { lint, severity, stage: alarm.stage, message, action, since, remedy });
    }
}

/// True when an alarm rings for letters of which none is left, in nobody's hand either.
fn is_emptied(snapshot: &Snapshot, alarm: &Alarm) -> bool {
    let queue = snapshot.dead_letters.data.iter().flatten().find(|queue| Some(queue.stage) == alarm.stage);
    alarm.kind == "dlq-depth" && queue.is_some_and(|queue| queue.depth == 0 && queue.in_flight == 0)
}

/// What an alarm of this kind says. The kinds are Terraform's.
fn meaning(kind: &str) -> &'static str {
    match kind {
        "errors" => "invocations fail",
        "throttles" => "it is throttled",
        "async-age" => "events wait too long",
        "dlq-depth" => "there are dead letters",
        "dead-letter-errors" => "events are lost on the way to the dead letter queue",
        "target-failures" => "the bus cannot hand over events",
        "target-dlq" => "the bus gave up on events",
        "target-dlq-errors" => "events that the bus gave up on are lost",
        "read-capacity" => "it is read more than expected",
        "write-capacity" => "it is written more than expected",
        "write-throttles" => "writes to it are throttled",
        _ => "its threshold is crossed",
    }
}

/// What neither the function nor its dead letter queue took is gone.
fn lost_events(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for metrics in snapshot.metrics.data.iter().flatten() {
        let Some(lost) = metrics.dead_letter_errors.sum().filter(|lost| *lost > 0.0) else { continue };
        findings.push(Finding {
            lint: "events-lost",
            severity: Severity::Critical,
            stage: Some(metrics.stage),
            message: format!("{} lost about {lost:.0} events: its dead letter queue did not take them", metrics.stage),
            action: format!("let its role send to its queue again, then `{}` over that time", opsctl("replay start")),
            since: metrics.dead_letter_errors.points.iter().find(|point| point.value > 0.0).map(|point| point.at),
            remedy: None,
        });
    }
}

fn dead_letters(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for queue in snapshot.dead_letters.data.iter().flatten().filter(|queue| queue.depth > 0) {
        // Rejected events are bad data, put aside as designed; all others are good data that nobody processed.
        let only_rejected =
            !queue.causes.is_empty() && queue.causes.iter().all(|cause| cause.origin == Origin::Rejected);
        let cause = queue.causes.first().map(|cause| {
            let words = if cause.example.is_empty() { "no message" } else { &cause.example };
            format!(", mostly {}: {}", cause.code, human::shorten(words, 120))
        });
        let (severity, fate) =
            if only_rejected { (Severity::Warning, "rejected") } else { (Severity::Critical, "not processed") };
        findings.push(Finding {
            lint: "dead-letters",
            severity,
            stage: Some(queue.stage),
            message: format!(
                "{} waiting in {}, {fate}{}",
                human::count(queue.depth, "event"),
                queue.name,
                cause.unwrap_or_default()
            ),
            action: if only_rejected {
                format!(
                    "`{}` lists every fault; tell the feed what it sends",
                    Remedy::PeekLetters(queue.stage).command()
                )
            } else {
                let command = Remedy::Redrive(queue.stage).command() + " --execute";
                format!("mend the cause, then `{command}` before four days are over")
            },
            since: queue.oldest,
            // What was rejected as it is would be rejected again.
            remedy: Some(if only_rejected { Remedy::PeekLetters(queue.stage) } else { Remedy::Redrive(queue.stage) }),
        });
    }
}

fn stage_is_off(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for function in snapshot.functions.data.iter().flatten() {
        let mut found = |lint, severity, message: String, action: String| {
            let stage = Some(function.stage);
            let remedy = (lint == "stage-paused").then_some(Remedy::Resume(function.stage));
            findings.push(Finding { lint, severity, stage, message, action, since: None, remedy });
        };
        let name = &function.function;
        if function.is_paused() {
            found(
                "stage-paused",
                Severity::Critical,
                format!("{} is paused: its events go straight to the dead letter queue", function.stage),
                Remedy::Resume(function.stage).command(),
            );
        } else if function.reserved_concurrency != function.deployed_concurrency {
            let text = |value: Option<u32>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
            found(
                "concurrency-changed",
                Severity::Warning,
                format!(
                    "{name} has reserved concurrency {}, deployed was {}",
                    text(function.reserved_concurrency),
                    text(function.deployed_concurrency)
                ),
                "apply lib/ again, or change the variable if it is meant".to_owned(),
            );
        }
        if !function.rule_enabled {
            found(
                "rule-disabled",
                Severity::Critical,
                format!("the rule that feeds {} is switched off: events pass it by", function.stage),
                format!("switch it on (aws events enable-rule), then `{}` over that time", opsctl("replay start")),
            );
        }
        if let Some(problem) = &function.problem {
            let severity = if function.active { Severity::Warning } else { Severity::Critical };
            found(
                "function-broken",
                severity,
                format!("{name} {}: {problem}", if function.active { "kept its old version" } else { "cannot run" }),
                "deploy again: `make deploy`".to_owned(),
            );
        }
    }
}

fn stage_errors(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for metrics in snapshot.metrics.data.iter().flatten() {
        let Some(errors) = metrics.errors.sum().filter(|errors| *errors > 0.0) else { continue };
        let percent = metrics.error_percent().unwrap_or(100.0);
        // What is over is worth a look, and nobody has to get up for it. The running minute is not whole yet.
        let last = metrics.errors.points.iter().rfind(|point| point.value > 0.0).map(|point| point.at);
        let over = last.filter(|last| snapshot.taken_at.duration_since(*last) >= OVER_AFTER);
        let severity =
            if percent >= MANY_ERRORS_PERCENT && over.is_none() { Severity::Critical } else { Severity::Warning };
        let over = over.map(|last| format!(", the last at {}", last.strftime("%H:%M"))).unwrap_or_default();
        findings.push(Finding {
            lint: "stage-errors",
            severity,
            stage: Some(metrics.stage),
            message: format!(
                "{} failed {} ({percent:.1} % of its invocations) in {} minutes{over}",
                metrics.stage,
                times(errors),
                metrics.window.minutes
            ),
            action: "read its log group; each is tried three times, then it is a dead letter".to_owned(),
            since: metrics.errors.points.iter().find(|point| point.value > 0.0).map(|point| point.at),
            remedy: Some(Remedy::PeekLetters(metrics.stage)),
        });
    }
}

/// `once`, `37 times`.
fn times(count: f64) -> String {
    if count < 1.5 { "once".to_owned() } else { format!("{count:.0} times") }
}

/// Too little of it: throttles, all environments busy, events waiting.
fn stage_capacity(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for metrics in snapshot.metrics.data.iter().flatten() {
        let stage = metrics.stage;
        let function = snapshot.functions.data.iter().flatten().find(|function| function.stage == stage);
        let limit = function.and_then(|function| function.reserved_concurrency).filter(|limit| *limit > 0);
        let throttled = metrics.throttles.sum().filter(|throttled| *throttled > 0.0);
        let waiting = metrics.async_age_ms.max().filter(|age| *age > LATE_EVENT_MS);
        let busy = metrics.concurrency.max();
        let mut found = |lint, message, since| {
            findings.push(Finding {
                lint,
                severity: Severity::Warning,
                stage: Some(stage),
                message,
                action: "if it goes on, raise the function's reserved concurrency (variable in lib/)".to_owned(),
                since,
                remedy: None,
            });
        };
        if let Some(throttled) = throttled {
            let since = metrics.throttles.points.iter().find(|point| point.value > 0.0).map(|point| point.at);
            let message =
                format!("{stage} was throttled {}; throttled events wait, none is lost yet", times(throttled));
            found("stage-throttled", message, since);
        } else if let (Some(busy), Some(limit)) = (busy, limit)
            && busy >= f64::from(limit)
        {
            found("stage-saturated", format!("{stage} had all of its {limit} environments busy"), None);
        }
        if let Some(age) = waiting {
            let since =
                metrics.async_age_ms.points.iter().find(|point| point.value > LATE_EVENT_MS).map(|point| point.at);
            found("events-late", format!("events waited up to {} for {stage}", human::duration(age)), since);
        }
    }
}

fn stuck_events(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let stuck = snapshot.events.data.iter().flatten().filter_map(|event| {
        let received_at = event.received_at.filter(|_| event.status == "RECEIVED")?;
        (snapshot.taken_at.duration_since(received_at) > STUCK_AFTER).then_some((received_at, event))
    });
    let stuck: Vec<_> = stuck.collect();
    if let Some((since, oldest)) = stuck.iter().min_by_key(|(received_at, _)| *received_at) {
        findings.push(Finding {
            lint: "events-stuck",
            severity: Severity::Warning,
            stage: Some(StageName::Processing),
            message: format!(
                "{} of the latest events {} stored but not processed, such as {}",
                stuck.len(),
                if stuck.len() == 1 { "is" } else { "are" },
                oldest.event_id
            ),
            action: format!(
                "`{}`; sending the same event again repairs it",
                opsctl(format!("dlq peek processing --all --id {}", quoted(&oldest.event_id)))
            ),
            since: Some(*since),
            remedy: Some(Remedy::ShowEvent(oldest.event_id.clone())),
        });
    }
}

fn silence(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let ingestion = snapshot.metrics.data.iter().flatten().find(|metrics| metrics.stage == StageName::Ingestion);
    if let Some(metrics) = ingestion.filter(|metrics| metrics.invocations.sum().is_none_or(|sum| sum == 0.0)) {
        findings.push(Finding {
            lint: "no-events",
            severity: Severity::Info,
            stage: Some(StageName::Ingestion),
            message: format!("no event came in within {} minutes", metrics.window.minutes),
            action: format!(
                "if the market is open, ask the feed; `{}` proves the way",
                Remedy::SendTestEvent.command()
            ),
            since: None,
            remedy: Some(Remedy::SendTestEvent),
        });
    }
}
