use jiff::{SignedDuration, Timestamp};

use super::poll::{Outcome, Poller};
use super::schedule::Schedule;
use super::{Meter, SourceName};
use crate::aws::AwsErrorKind;
use crate::aws::calls::{Api, ApiCalls};

use SourceName::{Alarms, DeadLetters, Events, Functions, Latencies, Metrics};

/// On a minute, so that what follows the minutes is easy to count.
fn at(second: i64) -> Timestamp {
    "2026-11-22T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
}

fn poller() -> Poller {
    Poller::new(Schedule::default(), 7)
}

/// Starts what is due and ends it at once, well.
fn turn(poller: &mut Poller, second: i64, visible: &[SourceName]) -> Vec<SourceName> {
    let due = poller.due(at(second), visible);
    for source in &due {
        poller.finished(*source, Outcome::Ok, &super::schedule::usual_calls(*source), at(second));
    }
    due
}

#[test]
fn everything_is_read_at_first_and_then_each_at_its_own_pace() {
    let mut poller = poller();
    assert_eq!(turn(&mut poller, 0, &SourceName::ALL), SourceName::ALL);
    let mut starts = Vec::new();
    for second in 1..=60 {
        starts.extend(turn(&mut poller, second, &SourceName::ALL));
    }
    let count = |source| starts.iter().filter(|started| **started == source).count();
    assert_eq!(
        SourceName::ALL.map(count),
        [12, 12, 30, 0, 2, 1],
        "alarms, letters, events, metrics, latencies, functions"
    );
    // Metrics wait for the minute to end and for CloudWatch to have it.
    assert_eq!(poller.state(Metrics).next_due, Some(at(70)));
    assert_eq!(turn(&mut poller, 70, &[]), [Alarms, DeadLetters, Metrics]);
}

#[test]
fn what_is_hidden_is_read_for_the_verdict_only() {
    let mut poller = poller();
    turn(&mut poller, 0, &[]);
    let starts = (1..=60).flat_map(|second| turn(&mut poller, second, &[Alarms])).collect::<Vec<_>>();
    assert_eq!(starts.iter().filter(|source| **source == Events).count(), 1);
}

#[test]
fn nothing_runs_twice_at_a_time_and_what_hangs_is_given_up() {
    let mut poller = poller();
    assert_eq!(poller.due(at(0), &SourceName::ALL), SourceName::ALL);
    assert_eq!(poller.due(at(59), &SourceName::ALL), []);
    assert_eq!(poller.state(Alarms).in_flight_since, Some(at(0)));
    assert_eq!(poller.next_due(at(59)), Some(at(60)));
    assert_eq!(poller.due(at(60), &SourceName::ALL), SourceName::ALL);
}

#[test]
fn throttling_backs_off_and_says_so() {
    let mut poller = poller();
    turn(&mut poller, 0, &[]);
    let mut second = 5;
    let mut waits = Vec::new();
    for failures in 1..=10 {
        assert!(poller.due(at(second), &[]).contains(&Alarms), "{failures}");
        poller.finished(Alarms, Outcome::Failed(AwsErrorKind::Throttled), &[], at(second));
        let backoff = poller.state(Alarms).backoff.unwrap();
        assert_eq!((backoff.kind, backoff.failures), (AwsErrorKind::Throttled, failures));
        assert!(!poller.due(backoff.until - SignedDuration::from_millis(1), &[]).contains(&Alarms));
        let wait = backoff.until.duration_since(at(second));
        waits.push(wait.as_secs_f64());
        second = (backoff.until - SignedDuration::from_millis(1)).duration_since(at(0)).as_secs() + 1;
    }
    for (index, wait) in waits.iter().enumerate() {
        let full = f64::from(10 << index.min(5)).min(300.0);
        assert!((full / 2.0..=full).contains(wait), "{index}: {waits:?}");
    }
    let backoff = poller.state(Alarms).backoff.unwrap();
    assert_eq!(backoff.describe(backoff.until), "throttled 10 times, again now");
    let before = backoff.until - SignedDuration::from_secs(42);
    assert_eq!(backoff.describe(before), "throttled 10 times, again in 42 s");
    assert!(poller.due(at(second), &[]).contains(&Alarms));
    poller.finished(Alarms, Outcome::Ok, &[], at(second));
    assert_eq!(poller.state(Alarms).backoff, None);
    assert_eq!(poller.state(Alarms).next_due, Some(at(second + 5)), "back to normal at once");
}

#[test]
fn other_sources_go_on_while_one_is_denied() {
    let mut poller = poller();
    poller.due(at(0), &[]);
    for source in SourceName::ALL {
        let outcome = if source == Latencies { Outcome::Failed(AwsErrorKind::Denied) } else { Outcome::Ok };
        poller.finished(source, outcome, &[], at(0));
    }
    assert_eq!(turn(&mut poller, 5, &[]), [Alarms, DeadLetters]);
    let wait = poller.state(Latencies).next_due.unwrap().duration_since(at(0)).as_secs();
    assert!((30..=120).contains(&wait), "{wait}");
}

#[test]
fn the_network_is_tried_again_soon() {
    let mut poller = poller();
    poller.due(at(0), &[]);
    for _ in 0..20 {
        poller.finished(Alarms, Outcome::Failed(AwsErrorKind::Unreachable), &[], at(0));
    }
    let wait = poller.state(Alarms).next_due.unwrap().duration_since(at(0)).as_secs();
    assert!((15..=30).contains(&wait), "{wait}");
}

#[test]
fn a_person_can_pause_and_ask_for_all_of_it_now() {
    let mut poller = poller();
    turn(&mut poller, 0, &SourceName::ALL);
    poller.pause();
    assert_eq!(poller.due(at(3_600), &SourceName::ALL), []);
    assert_eq!(poller.next_due(at(3_600)), None);
    poller.refresh_now();
    assert_eq!(turn(&mut poller, 3_601, &SourceName::ALL), SourceName::ALL);
    assert_eq!(poller.due(at(7_200), &SourceName::ALL), []);
    poller.resume();
    assert_eq!(turn(&mut poller, 7_201, &SourceName::ALL), SourceName::ALL);
}

#[test]
fn asking_now_does_not_wait_for_a_back_off() {
    let mut poller = poller();
    poller.due(at(0), &[]);
    poller.finished(Alarms, Outcome::Failed(AwsErrorKind::Expired), &[], at(0));
    assert_eq!(poller.due(at(1), &[]), []);
    poller.refresh_now();
    assert_eq!(poller.due(at(1), &[]), [Alarms]);
}

#[test]
fn faster_and_slower_have_ends() {
    let mut poller = poller();
    let interval = |poller: &Poller| poller.state(Alarms).interval_seconds;
    for _ in 0..10 {
        poller.faster();
    }
    assert!((interval(&poller) - 1.25).abs() < 1e-9);
    for _ in 0..10 {
        poller.slower();
    }
    assert!((interval(&poller) - 80.0).abs() < 1e-9);
}

#[test]
fn no_more_is_started_than_a_part_of_what_aws_allows() {
    let mut poller = poller();
    turn(&mut poller, 0, &[]);
    // A long look into the history of alarms, and somebody who leans on the refresh key.
    poller.spent(&[ApiCalls::new(Api::DescribeAlarms, 20)], at(1));
    let mut started = 0;
    for second in 1..=60 {
        poller.refresh_now();
        started += turn(&mut poller, second, &[]).iter().filter(|source| **source == Alarms).count();
        assert!(second > 1 || started <= 1, "the bucket has two left");
    }
    // A quarter of 9 a second would be 135; once a second is what was asked for.
    assert!((30..=60).contains(&started), "{started}");
    poller.spent(&[ApiCalls::new(Api::DescribeAlarms, 1_000)], at(61));
    poller.refresh_now();
    assert!(!poller.due(at(61), &[]).contains(&Alarms));
    let next = poller.state(Alarms).next_due.unwrap();
    assert!(next > at(70), "held back, and it says until when: {next}");
}

#[test]
fn a_month_of_it_costs_what_was_promised() {
    let mut poller = poller();
    // The first reads are larger than the later ones, and are not what a month is made of.
    poller.due(at(0), &SourceName::ALL);
    for source in SourceName::ALL {
        let first = ApiCalls::new(Api::GetMetricStatistics, if source == Metrics { 21 } else { 0 });
        poller.finished(source, Outcome::Ok, &[first], at(0));
    }
    for second in 1..=120 {
        turn(&mut poller, second, &SourceName::ALL);
    }
    let Meter { calls_per_minute, month_dollars_with_free_tier: with, month_dollars_without: without, .. } =
        poller.meter();
    // 12 DescribeAlarms + 36 SQS + 90 Query + 9 GetMetricStatistics + 6 GetServiceGraph + 6 for functions and rules.
    assert_eq!(calls_per_minute, 12 + 36 + 90 + 9 + 6 + 6);
    // CloudWatch (518,400 + 388,800) × $0.00001, SQS 1,555,200 × $0.0000004, DynamoDB 1,944,000 × $0.000000125.
    assert!((without - (9.072 + 0.622_08 + 0.243)).abs() < 1e-6, "{without}");
    // CloudWatch's million is not used up; SQS: 555,200 beyond it.
    assert!((with - (0.222_08 + 0.243)).abs() < 1e-6, "{with}");
    assert!(with <= 2.0 && without <= 12.0);
}

#[test]
fn the_session_is_charged_with_everything_that_was_called() {
    let mut poller = poller();
    poller.spent(&[ApiCalls::new(Api::DescribeAlarmHistory, 100)], at(0));
    poller.due(at(1), &[]);
    poller.finished(Alarms, Outcome::Failed(AwsErrorKind::Throttled), &[ApiCalls::new(Api::DescribeAlarms, 4)], at(2));
    let meter = poller.meter();
    assert_eq!((meter.calls_total, meter.calls_per_minute), (104, 104));
    assert!((meter.session_dollars - 0.001_04).abs() < 1e-9);
    poller.due(at(61), &[]);
    assert_eq!(poller.meter().calls_per_minute, 4, "the others are more than a minute ago");
    assert_eq!(poller.state(Functions).in_flight_since, Some(at(61)));
}
