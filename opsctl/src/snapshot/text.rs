//! A snapshot as text: 80 columns, for a tired person. The verdict first, then what it stands on.

use std::io::{self, Write};

use anstyle::Style;
use jiff::Timestamp;

use super::{Freshness, Health, Severity, Snapshot, Source, Verdict};
use crate::aws::alarms::AlarmState;
use crate::aws::events::StoredEvent;
use crate::aws::metrics::StageMetrics;
use crate::human;
use crate::output::Styles;
use crate::stack::StageName;

/// Columns of a line.
const WIDTH: usize = 80;
/// What stands where nothing is known.
const UNKNOWN: &str = "?";
/// What stands where there is nothing to measure.
const NOTHING: &str = "-";

/// Writes all of it.
pub fn write(out: &mut dyn Write, snapshot: &Snapshot, verdict: &Verdict, styles: &Styles) -> io::Result<()> {
    let stack = &snapshot.stack;
    let heading = styles.heading;
    writeln!(
        out,
        "{heading}{} {}{heading:#} · {} · account {}",
        stack.project, stack.environment, stack.region, stack.account_id
    )?;
    write_verdict(out, snapshot, verdict, styles)?;
    write_stages(out, snapshot, styles)?;
    write_alarms(out, snapshot, styles)?;
    write_dead_letters(out, snapshot, styles)?;
    write_latencies(out, snapshot, styles)?;
    write_events(out, snapshot, styles)
}

fn write_verdict(out: &mut dyn Write, snapshot: &Snapshot, verdict: &Verdict, styles: &Styles) -> io::Result<()> {
    let (style, word) = match verdict.health {
        Health::Healthy => (styles.good, "HEALTHY"),
        Health::Degraded => (styles.warn, "WORKS, WITH WARNINGS"),
        Health::Unhealthy => (styles.bad, "UNHEALTHY"),
        Health::Unknown => (styles.bad, "UNKNOWN"),
    };
    let why = if verdict.health == Health::Unknown { ": what would tell cannot be read" } else { "" };
    let past = if snapshot.at.is_some() { ", in the past" } else { "" };
    writeln!(out, "{style}{word}{style:#} at {}{past}{why}", snapshot.taken_at.strftime("%F %T UTC"))?;
    for (index, finding) in verdict.findings.iter().enumerate() {
        let (style, mark) = match finding.severity {
            Severity::Critical => (styles.bad, "✗"),
            Severity::Warning => (styles.warn, "!"),
            Severity::Info => (styles.dim, "·"),
        };
        let since = finding.since.filter(|_| !finding.lint.starts_with("source-"));
        let since = since.map(|since| format!(" (began {} ago)", human::since(since, snapshot.taken_at)));
        let message = format!("{}{}", finding.message, since.unwrap_or_default());
        for (number, line) in human::wrap(&message, WIDTH - 4).iter().enumerate() {
            let mark = if number == 0 { mark } else { " " };
            writeln!(out, "  {style}{mark}{style:#} {line}")?;
        }
        // The same advice for several in a row is given once, below the last of them.
        if verdict.findings.get(index + 1).is_some_and(|next| next.action == finding.action) {
            continue;
        }
        let dim = styles.dim;
        for (number, line) in human::wrap(&finding.action, WIDTH - 6).iter().enumerate() {
            let mark = if number == 0 { "→" } else { " " };
            writeln!(out, "    {dim}{mark} {line}{dim:#}")?;
        }
    }
    Ok(())
}

fn write_stages(out: &mut dyn Write, snapshot: &Snapshot, styles: &Styles) -> io::Result<()> {
    let minutes = snapshot.metrics.data.iter().flatten().next().map(|metrics| metrics.window.minutes);
    let span = minutes.map(|minutes| format!(", last {minutes} minutes")).unwrap_or_default();
    let note = [
        note(&snapshot.metrics, "metrics ", snapshot.taken_at),
        note(&snapshot.functions, "functions ", snapshot.taken_at),
    ];
    title(out, &format!("Stages{span}"), &note.concat(), styles)?;
    let dim = styles.dim;
    writeln!(
        out,
        "{dim}  {:<13}{:>8}{:>8}{:>10}{:>8}{:>8}{:>8}{:>11}{dim:#}",
        "", "/min", "errors", "throttled", "p50", "p99", "busy", "waited"
    )?;
    for stage in StageName::ALL {
        let metrics = snapshot.metrics.data.as_ref();
        let metrics = metrics.map(|metrics| metrics.iter().find(|metrics| metrics.stage == stage));
        // Unknown when the source was never read; nothing when it was and CloudWatch has no point.
        let cell = |value: &dyn Fn(&StageMetrics) -> Option<String>| match metrics {
            None => UNKNOWN.to_owned(),
            Some(metrics) => metrics.and_then(value).unwrap_or_else(|| NOTHING.to_owned()),
        };
        let count = |value: Option<f64>| value.map(|value| format!("{value:.0}"));
        let function = snapshot.functions.data.iter().flatten().find(|function| function.stage == stage);
        let limit = match (&snapshot.functions.data, function.and_then(|function| function.reserved_concurrency)) {
            (None, _) => UNKNOWN.to_owned(),
            (Some(_), None) => "pool".to_owned(),
            (Some(_), Some(limit)) => limit.to_string(),
        };
        let errors = cell(&|metrics| count(metrics.errors.sum()));
        let throttles = cell(&|metrics| count(metrics.throttles.sum()));
        let bad = |text: &str, style: Style| if matches!(text, "0" | NOTHING) { Style::new() } else { style };
        let (error_style, throttle_style) = (bad(&errors, styles.bad), bad(&throttles, styles.warn));
        writeln!(
            out,
            "  {:<13}{:>8}{error_style}{errors:>8}{error_style:#}{throttle_style}{throttles:>10}{throttle_style:#}\
             {:>8}{:>8}{:>8}{:>11}",
            stage.as_str(),
            cell(&|metrics| metrics.per_minute().map(|rate| format!("{rate:.1}"))),
            cell(&|metrics| Some(human::duration(metrics.duration?.p50_ms))),
            cell(&|metrics| Some(human::duration(metrics.duration?.p99_ms))),
            format!("{}/{limit}", cell(&|metrics| count(metrics.concurrency.max()))),
            cell(&|metrics| metrics.async_age_ms.max().map(human::duration)),
        )?;
    }
    Ok(())
}

fn write_alarms(out: &mut dyn Write, snapshot: &Snapshot, styles: &Styles) -> io::Result<()> {
    title(out, "Alarms", &note(&snapshot.alarms, "", snapshot.taken_at), styles)?;
    let Some(alarms) = &snapshot.alarms.data else { return unknown(out) };
    let count = |state| alarms.iter().filter(|alarm| alarm.state == state).count();
    writeln!(
        out,
        "  {} ok, {} ringing, {} without data{}",
        count(AlarmState::Ok),
        count(AlarmState::Alarm),
        count(AlarmState::InsufficientData),
        match count(AlarmState::Missing) {
            0 => String::new(),
            missing => format!(", {missing} missing"),
        }
    )?;
    let bad = styles.bad;
    for alarm in alarms.iter().filter(|alarm| alarm.state == AlarmState::Alarm) {
        let since = alarm.since.map(|since| format!(" for {}", human::since(since, snapshot.taken_at)));
        writeln!(out, "  {bad}{}{bad:#}{}", alarm.name, since.unwrap_or_default())?;
        let reason = alarm.reason.as_deref().unwrap_or_default().trim_start_matches("Threshold Crossed: ");
        if !reason.is_empty() {
            writeln!(out, "    {}", human::shorten(reason, WIDTH - 4))?;
        }
    }
    Ok(())
}

fn write_dead_letters(out: &mut dyn Write, snapshot: &Snapshot, styles: &Styles) -> io::Result<()> {
    title(out, "Dead letters", &note(&snapshot.dead_letters, "", snapshot.taken_at), styles)?;
    let Some(queues) = &snapshot.dead_letters.data else { return unknown(out) };
    if queues.iter().all(|queue| queue.depth == 0 && queue.in_flight == 0) {
        return writeln!(out, "  none");
    }
    for queue in queues.iter().filter(|queue| queue.depth > 0 || queue.in_flight > 0) {
        let oldest = queue.oldest.map(|oldest| format!(", oldest {} ago", human::since(oldest, snapshot.taken_at)));
        let taken = if queue.in_flight > 0 { format!(", {} taken out", queue.in_flight) } else { String::new() };
        let sampled = if (queue.sampled as u64) < queue.depth && queue.sampled > 0 {
            format!(", {} looked at", queue.sampled)
        } else {
            String::new()
        };
        let (stage, depth, oldest) = (queue.stage.as_str(), queue.depth, oldest.unwrap_or_default());
        writeln!(out, "  {stage:<13}{depth:>5} waiting{taken}{oldest}{sampled}")?;
        for cause in &queue.causes {
            let origin = cause.origin.words();
            let line = format!("{:>8} × {origin} {}: {}", cause.count, cause.code, cause.example);
            writeln!(out, "  {}", shorten_keeping_indent(&line))?;
        }
    }
    Ok(())
}

fn shorten_keeping_indent(line: &str) -> String {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    format!("{:indent$}{}", "", human::shorten(text, WIDTH - 2 - indent))
}

fn write_latencies(out: &mut dyn Write, snapshot: &Snapshot, styles: &Styles) -> io::Result<()> {
    title(out, "Latencies (X-Ray)", &note(&snapshot.latencies, "", snapshot.taken_at), styles)?;
    let Some(services) = &snapshot.latencies.data else { return unknown(out) };
    if services.is_empty() {
        return writeln!(out, "  no traces");
    }
    let dim = styles.dim;
    writeln!(out, "{dim}  {:<34}{:>8}{:>8}{:>9}{:>9}{:>9}{dim:#}", "", "traced", "faults", "p50", "p95", "p99")?;
    for service in services {
        let cell = |value: Option<f64>| value.map_or_else(|| NOTHING.to_owned(), human::duration);
        let latency = service.latency;
        writeln!(
            out,
            "  {:<34}{:>8}{:>8}{:>9}{:>9}{:>9}",
            human::shorten(&service.name, 33),
            service.count,
            service.faults,
            cell(latency.map(|latency| latency.p50_ms)),
            cell(latency.map(|latency| latency.p95_ms)),
            cell(latency.map(|latency| latency.p99_ms)),
        )?;
    }
    Ok(())
}

fn write_events(out: &mut dyn Write, snapshot: &Snapshot, styles: &Styles) -> io::Result<()> {
    title(out, "Latest events", &note(&snapshot.events, "", snapshot.taken_at), styles)?;
    let Some(events) = &snapshot.events.data else { return unknown(out) };
    if events.is_empty() {
        return writeln!(out, "  none stored");
    }
    for event in events {
        writeln!(out, "  {}", event_line(event, styles))?;
    }
    Ok(())
}

/// An event in one line of 78 columns.
pub fn event_line(event: &StoredEvent, styles: &Styles) -> String {
    let style = if event.status == "PROCESSED" { Style::new() } else { styles.warn };
    let line = format!(
        "{} {:<5} {:<12} {:>22} {style}{:<9}{style:#}{}",
        event.timestamp.get(..19).unwrap_or(&event.timestamp).replace('T', " "),
        event.event_type,
        human::shorten(&event.symbol, 12),
        human::shorten(&price(event), 22),
        event.status,
        if event.alert { " alert" } else { "" },
    );
    line.trim_end().to_owned()
}

fn price(event: &StoredEvent) -> String {
    match (&event.bid, &event.ask, &event.price) {
        (Some(bid), Some(ask), _) => format!("{bid} / {ask}"),
        (_, _, Some(price)) => price.clone(),
        _ => NOTHING.to_owned(),
    }
}

fn title(out: &mut dyn Write, text: &str, note: &str, styles: &Styles) -> io::Result<()> {
    let (heading, warn) = (styles.heading, styles.warn);
    writeln!(out)?;
    writeln!(out, "{heading}{text}{heading:#}{warn}{note}{warn:#}")
}

fn unknown(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "  unknown")
}

/// What must be said of a source's age; nothing when it is fresh. `name` is empty or ends with a space.
fn note<T>(source: &Source<T>, name: &str, now: Timestamp) -> String {
    match (source.freshness(now), source.fetched_at) {
        (Freshness::Late | Freshness::Stale, Some(at)) => format!(" ({name}{} old)", human::since(at, now)),
        (Freshness::Unknown, _) if source.is_not_kept() => format!(" ({name}not kept for the past)"),
        (Freshness::Unknown, _) => format!(" ({name}could not be read)"),
        _ => String::new(),
    }
}
