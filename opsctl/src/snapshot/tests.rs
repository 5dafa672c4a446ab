use super::{Finding, Health, Severity, Snapshot, judge, samples};
use crate::commands::status::StatusReport;
use crate::error::ExitStatus;
use crate::output::{Report, Styles};

fn text(snapshot: Snapshot) -> String {
    let mut text = Vec::new();
    StatusReport::new(snapshot).write_text(&mut text, &Styles::default()).unwrap();
    let text = String::from_utf8(text).unwrap();
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
    }
    text
}

fn lints(snapshot: &Snapshot) -> Vec<&'static str> {
    judge(snapshot).findings.iter().map(|finding| finding.lint).collect()
}

#[test]
fn text_of_a_healthy_pipeline() {
    insta::assert_snapshot!(text(samples::healthy()));
}

#[test]
fn text_of_an_unhealthy_pipeline() {
    insta::assert_snapshot!(text(samples::unhealthy()));
}

#[test]
fn text_without_traces() {
    insta::assert_snapshot!(text(samples::without_traces()));
}

#[test]
fn text_of_old_data() {
    insta::assert_snapshot!(text(samples::stale()));
}

#[test]
fn text_when_nothing_can_be_read() {
    insta::assert_snapshot!(text(samples::unreachable()));
}

#[test]
fn json_of_an_unhealthy_pipeline() {
    let mut snapshot = samples::unhealthy();
    // Four of thirty-six are enough to see.
    snapshot.alarms.data.as_mut().unwrap().truncate(4);
    insta::assert_json_snapshot!(StatusReport::new(snapshot));
}

#[test]
fn json_of_a_failed_source_has_no_zeroes() {
    let report = StatusReport::new(samples::unreachable());
    let snapshot = serde_json::to_value(&report).unwrap()["snapshot"].clone();
    for source in ["alarms", "dead_letters", "functions", "metrics", "latencies", "events"] {
        assert!(snapshot[source]["data"].is_null(), "{source}");
        assert_eq!(snapshot[source]["error"]["kind"], "unreachable", "{source}");
    }
}

#[test]
fn health_decides_the_exit_code() {
    let cases = [
        (samples::healthy(), Health::Healthy, ExitStatus::Fine),
        (samples::without_traces(), Health::Degraded, ExitStatus::Fine),
        (samples::unhealthy(), Health::Unhealthy, ExitStatus::Unhealthy),
        (samples::unreachable(), Health::Unknown, ExitStatus::Unreachable),
        (samples::stale(), Health::Unknown, ExitStatus::Failed),
    ];
    for (snapshot, health, exit) in cases {
        let verdict = judge(&snapshot);
        assert_eq!((verdict.health, verdict.exit_status()), (health, exit), "{:#?}", verdict.findings);
    }
}

#[test]
fn what_is_known_to_be_wrong_wins_over_what_is_not_known() {
    let mut snapshot = samples::unhealthy();
    snapshot.functions = samples::unreachable().functions;
    assert_eq!(judge(&snapshot).health, Health::Unhealthy);
}

#[test]
fn an_alarm_and_the_check_of_the_same_thing_are_one_finding() {
    let mut snapshot = samples::healthy();
    let throttled = samples::unhealthy().metrics.data.unwrap().swap_remove(0).throttles;
    snapshot.metrics.data.as_mut().unwrap()[0].throttles = throttled;
    assert_eq!(lints(&snapshot), ["stage-throttled"]);
    assert_eq!(judge(&snapshot).health, Health::Degraded);
    for alarm in snapshot.alarms.data.iter_mut().flatten().filter(|alarm| alarm.name == "alarm-ingestion-throttles-dev")
    {
        alarm.state = crate::aws::alarms::AlarmState::Alarm;
    }
    let verdict = judge(&snapshot);
    assert_eq!(verdict.findings.iter().map(|finding| finding.severity).collect::<Vec<_>>(), [Severity::Critical]);
    assert!(verdict.findings[0].message.ends_with("; its alarm rings"), "{}", verdict.findings[0].message);
}

#[test]
fn rejected_events_alone_do_not_make_it_unhealthy() {
    let mut snapshot = samples::healthy();
    snapshot.dead_letters = samples::unhealthy().dead_letters;
    for queue in snapshot.dead_letters.data.iter_mut().flatten() {
        queue.causes.retain(|cause| cause.origin == crate::aws::dead_letters::Origin::Rejected);
        queue.depth = queue.causes.len() as u64;
    }
    assert_eq!(judge(&snapshot).health, Health::Degraded);
}

#[test]
fn dead_letters_that_could_not_be_looked_at_count_as_the_worse_kind() {
    let mut snapshot = samples::healthy();
    snapshot.dead_letters.data.as_mut().unwrap()[0].depth = 1;
    assert_eq!(judge(&snapshot).health, Health::Unhealthy);
}

#[test]
fn silence_is_worth_a_word_and_nothing_more() {
    let mut snapshot = samples::healthy();
    for metrics in snapshot.metrics.data.iter_mut().flatten() {
        metrics.invocations.points.clear();
    }
    assert_eq!(lints(&snapshot), ["no-events"]);
    assert_eq!(judge(&snapshot).health, Health::Healthy);
}

#[test]
fn each_scene_has_its_verdict_and_its_remedy() {
    let cases = [
        (samples::crash(), Health::Unhealthy, "dead-letters", Some("opsctl redrive dlq processing")),
        (samples::poisoned(), Health::Unhealthy, "dead-letters", Some("opsctl dlq peek ingestion")),
        (samples::recovery(), Health::Unhealthy, "dead-letters", Some("opsctl redrive dlq processing")),
        // Nothing has failed yet, so there is nothing to say but that nothing is known.
        (samples::hanging(), Health::Unknown, "", None),
        // The past cannot be mended.
        (samples::past(), Health::Unhealthy, "dead-letters", None),
    ];
    for (snapshot, health, lint, command) in cases {
        let verdict = judge(&snapshot);
        assert_eq!(verdict.health, health, "{:#?}", verdict.findings);
        let finding = verdict.findings.iter().find(|finding| finding.lint == lint);
        let found = finding.and_then(|finding| finding.remedy.as_ref()).map(super::Remedy::command);
        assert_eq!(found.as_deref(), command, "{:#?}", verdict.findings);
    }
}

#[test]
fn an_alarm_of_a_queue_that_is_empty_again_is_no_emergency() {
    for (in_flight, severity) in [(0, Severity::Warning), (1, Severity::Critical)] {
        let mut snapshot = samples::crash();
        for queue in snapshot.dead_letters.data.iter_mut().flatten() {
            (queue.depth, queue.in_flight) = (0, in_flight);
        }
        let findings = judge(&snapshot).findings;
        let of_queue = |finding: &&Finding| finding.lint == "alarm-ringing" && finding.message.contains("dlq-depth");
        let found: Vec<_> = findings.iter().filter(of_queue).map(|finding| finding.severity).collect();
        assert_eq!(found, [severity], "{findings:#?}");
    }
}

#[test]
fn what_is_not_kept_of_the_past_is_not_missed_there() {
    let mut snapshot = samples::past();
    snapshot.alarms = samples::healthy().alarms;
    snapshot.dead_letters = samples::healthy().dead_letters;
    snapshot.metrics = samples::healthy().metrics;
    assert_eq!(judge(&snapshot).health, Health::Healthy, "{:#?}", judge(&snapshot).findings);
    snapshot.at = None;
    snapshot.functions = samples::unreachable().functions;
    assert_eq!(judge(&snapshot).health, Health::Unknown);
}

#[test]
fn text_of_the_past() {
    insta::assert_snapshot!(text(samples::past()));
}

#[test]
fn every_failure_of_a_source_has_its_sentence_and_its_advice() {
    let findings = judge(&samples::failing()).findings;
    let failed: Vec<_> = findings.iter().filter(|finding| finding.lint == "source-failed").collect();
    assert_eq!(failed.len(), 6, "{failed:#?}");
    let advice: std::collections::BTreeSet<&str> = failed.iter().map(|finding| finding.action.as_str()).collect();
    assert_eq!(advice.len(), 6, "{advice:#?}");
}
