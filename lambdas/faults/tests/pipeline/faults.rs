//! Every fault at every AWS call of every function: the end is that of a run without faults.

use std::collections::BTreeSet;

use faults::samples::{trade, world};
use faults::{Fault, Outcome, World};
use serde_json::Value;

/// One of each kind of event, each with the statuses that it ends with.
fn feed() -> Vec<Value> {
    let mut poison = trade("poison", 5, "-1");
    poison["size"] = "none".into();
    vec![
        trade("calm", 1, "99"),
        // Both rules.
        trade("jump", 2, "115"),
        // The first rule is cooling down; the second one has no cool-down.
        trade("higher", 3, "116"),
        // Suppressed altogether.
        trade("lower", 4, "105"),
        trade("jump", 2, "115"),
        // Other content under the same identity.
        trade("jump", 2, "1"),
        poison,
    ]
}

/// Runs the feed, each event to its end before the next one, with faults at calls counted over all of it; returns the
/// number of calls, too.
fn run(mut world: World, feed: &[Value], faults: &[(usize, Fault)]) -> (World, usize) {
    let mut calls = 0;
    for event in feed {
        world.publish(event);
        let later: Vec<_> = faults.iter().filter_map(|(at, fault)| Some((at.checked_sub(calls)?, *fault))).collect();
        calls += world.run(&later);
    }
    (world, calls)
}

/// Nothing is lost and nothing is doubled, but for what cannot be helped.
fn check(world: &World, expected: &Outcome, faults: &[(usize, Fault)]) {
    let mut outcome = world.outcome();
    assert_eq!(outcome.rows, expected.rows, "{faults:?}: rows");
    assert_eq!(outcome.alerts, expected.alerts, "{faults:?}: alerts");
    assert_eq!(outcome.rejected, expected.rejected, "{faults:?}: rejected");
    // The audit row of a rejection is not insisted on: to try again would send a second dead letter.
    outcome.audited.entry("poison#ingestion".to_owned()).or_insert_with(|| BTreeSet::from(["REJECTED"]));
    assert_eq!(outcome.audited, expected.audited, "{faults:?}: audit");
    assert_eq!(world.dead_letters, [], "{faults:?}: dead letters");
    check_mails(&outcome, expected, faults);
}

/// About each thing one message; or one more, which says that it may be a repeat.
fn check_mails(outcome: &Outcome, expected: &Outcome, faults: &[(usize, Fault)]) {
    let (told, wanted) = (outcome.told(), expected.told());
    assert!(told.keys().eq(wanted.keys()), "{faults:?}: {told:?}");
    for (about, mails) in told {
        assert!(mails.len() <= 2 && mails[1..].iter().all(|again| *again), "{faults:?}: {about}: {mails:?}");
    }
}

#[test]
fn without_faults_every_event_comes_to_its_end() {
    let (world, calls) = run(world(), &feed(), &[]);
    let outcome = world.outcome();
    assert_eq!(calls, world.aws.calls().len());
    assert_eq!(outcome.rows.len(), 4);
    assert!(outcome.rows.iter().all(|row| row["status"]["S"] == "PROCESSED"), "{:#?}", outcome.rows);
    let audited: Vec<_> =
        outcome.audited.iter().map(|(id, means)| (id.as_str(), means.iter().copied().collect())).collect();
    let done = || vec!["DONE"];
    assert_eq!(
        audited,
        [
            ("calm#ingestion", done()),
            ("calm#processing", done()),
            ("higher#ingestion", done()),
            ("higher#notification", done()),
            ("higher#processing", done()),
            ("jump#ingestion", vec!["CONFLICT", "DONE"]),
            ("jump#notification", done()),
            ("jump#processing", done()),
            ("lower#ingestion", done()),
            ("lower#notification", vec!["SUPPRESSED"]),
            ("lower#processing", done()),
            ("poison#ingestion", vec!["REJECTED"]),
        ]
    );
    let mails: Vec<_> = outcome.mails.iter().map(|mail| (mail.about.as_str(), mail.may_be_repeat)).collect();
    let about = |rule: &str, window: &str| format!("cooldown#{rule}#BTCUSDT#{window}");
    let expected =
        [about("above-100", "2021-01-08T00:00:00.000000Z"), about("above-110", "jump"), about("above-110", "higher")];
    assert_eq!(mails, expected.each_ref().map(|about| (about.as_str(), false)));
    assert_eq!((outcome.rejected.len(), outcome.alerts.len()), (1, 3));
}

#[test]
fn any_one_fault_at_any_call_changes_nothing() {
    let (undisturbed, calls) = run(world(), &feed(), &[]);
    let expected = undisturbed.outcome();
    assert!(calls > 40, "{calls}");
    for call in 0..calls {
        for fault in Fault::ALL {
            let faults = [(call, fault)];
            let (world, _) = run(world(), &feed(), &faults);
            check(&world, &expected, &faults);
            let hit = &undisturbed.aws.calls()[call];
            let repeats = world.outcome().mails.len() - expected.mails.len();
            // The only one that is told twice is one whose publish was carried out before its answer, or the process that
            // should have noted it, was lost.
            assert!(repeats == 0 || told_and_forgotten(&undisturbed, call, fault), "{fault:?} at {hit:?}: a repeat");
        }
    }
}

/// The answer of a publish is lost at that call, or with the process between it and the end of the attempt.
fn told_and_forgotten(undisturbed: &World, call: usize, fault: Fault) -> bool {
    let operations = undisturbed.aws.operations();
    let crash = matches!(fault, Fault::CrashBefore | Fault::CrashAfter);
    match operations[call].as_str() {
        "Publish" => fault == Fault::LostAnswer || crash,
        "PutItem" => crash && operations[..call].iter().rev().take(3).any(|operation| operation == "Publish"),
        _ => false,
    }
}

#[test]
fn with_the_retries_of_the_sdk_only_a_crash_or_a_publish_is_even_noticed() {
    let (undisturbed, calls) = run(world().with_sdk_retries(), &feed(), &[]);
    let expected = undisturbed.outcome();
    let operations = undisturbed.aws.operations();
    for call in (0..calls).filter(|call| operations[*call] != "Publish") {
        for fault in [Fault::Throttled, Fault::LostRequest, Fault::LostAnswer] {
            let faults = [(call, fault)];
            let (world, _) = run(world().with_sdk_retries(), &feed(), &faults);
            assert_eq!(world.outcome(), expected, "{faults:?}");
            assert!(!world.aws.statuses().contains(&"FAILED".to_owned()), "{faults:?}");
            assert_eq!(world.aws.messages().len(), if doubles_a_letter(&operations, call, fault) { 2 } else { 1 });
        }
    }
}

/// A standard queue cannot exclude it.
fn doubles_a_letter(operations: &[String], call: usize, fault: Fault) -> bool {
    operations[call] == "SendMessage" && fault == Fault::LostAnswer
}

/// One event that two rules tell about. What two faults may do, and no more: a third of three attempts always goes well.
#[test]
fn any_two_faults_lose_nothing_and_repeat_a_message_at_most_once() {
    let feed = [trade("jump", 2, "115")];
    let (undisturbed, calls) = run(world(), &feed, &[]);
    let expected = undisturbed.outcome();
    let kinds = [Fault::LostAnswer, Fault::CrashAfter];
    let all = || (0..calls).flat_map(|call| kinds.map(|kind| (call, kind)));
    for first in all() {
        // What a first fault makes necessary comes after it.
        for second in (first.0 + 1..first.0 + calls).flat_map(|call| kinds.map(|kind| (call, kind))) {
            let faults = [first, second];
            let (world, made) = run(world(), &feed, &faults);
            if second.0 < made {
                check_two(&world, &expected, &faults);
            }
        }
    }
}

fn check_two(world: &World, expected: &Outcome, faults: &[(usize, Fault)]) {
    let outcome = world.outcome();
    assert_eq!(outcome.rows, expected.rows, "{faults:?}: rows");
    assert_eq!(outcome.alerts, expected.alerts, "{faults:?}: alerts");
    for letter in &world.dead_letters {
        // The one thing that is left to a person: whether two publishes without an answer were sent. A process that dies
        // when it may publish is one, for all that the next one can know.
        assert!(letter.error.contains("two publishes went unanswered"), "{faults:?}: {letter:?}");
        let unanswered = |rule: &str| {
            let publishes = world.aws.calls().into_iter().filter(|call| call.operation == "Publish");
            let crashes = faults.iter().filter(|(_, fault)| *fault == Fault::CrashAfter).count();
            publishes.filter(|call| call.request["Subject"].as_str().unwrap().contains(rule)).count() + crashes
        };
        for rule in ["above-100", "above-110"].into_iter().filter(|rule| letter.error.contains(rule)) {
            assert!(unanswered(rule) >= 2, "{faults:?}: {letter:?}");
        }
    }
    if world.dead_letters.is_empty() {
        assert_eq!(outcome.audited, expected.audited, "{faults:?}: audit");
        check_mails(&outcome, expected, faults);
    }
}
