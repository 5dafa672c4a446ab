//! Whatever AWS does, a function answers before Lambda ends it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use fake_aws::Held;
use faults::samples::{trade, world};
use faults::{Action, World};
use pipeline::aws::OPERATION_TIMEOUT;
use pipeline::clock::{Clock as _, later};
use pipeline::settings::MAX_EARLIER_VERSIONS;
use serde_json::Value;

/// What Lambda gives a function.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Runs to the end of every attempt. A call takes the time that `answers` gives; it is never answered if there is none.
/// Who waits for time meanwhile gets it in time: a limit that passes before the answer cuts the call.
fn run(world: &mut World, event: &Value, mut answers: impl FnMut(&Held) -> Option<Duration>) {
    world.publish(event);
    let mut answered_at = BTreeMap::new();
    for _ in 0..2_000 {
        let actions = world.actions();
        let calls = actions.iter().filter_map(|action| if let Action::Call(call) = action { Some(call) } else { None });
        for call in calls {
            let now = world.clock.now();
            if let Entry::Vacant(new) = answered_at.entry(call.id) {
                match answers(call) {
                    Some(time) => drop(new.insert(later(now, time))),
                    None => world.ignore(call),
                }
            }
        }
        // An ignored call leaves the actions.
        let due = |action: &Action| match action {
            Action::Call(call) => answered_at.get(&call.id).copied(),
            Action::Start(_) | Action::Wait(_) => Some(world.clock.now()),
        };
        let next = actions.iter().filter_map(|action| Some((due(action)?, action))).min_by_key(|(due, _)| *due);
        let action = match (next, world.clock.next()) {
            (Some((due, Action::Call(_))), Some(timer)) if timer <= due => Action::Wait(timer),
            (Some((due, action)), _) => {
                world.clock.move_to(due);
                action.clone()
            }
            (None, _) if actions.is_empty() => return,
            (None, _) => continue,
        };
        world.act(&action, None);
    }
    panic!("it does not come to an end");
}

fn slowest(world: &World) -> Duration {
    world.durations.iter().map(|(_, duration)| *duration).max().unwrap()
}

/// Every stage's calls hang from any one on: the SDK's time-outs and retries, the work's limit and what follows it end in
/// time together. So they do when the calls before that have been slow.
#[test]
fn a_function_whose_calls_hang_answers_in_time() {
    // A rejection has calls of its own.
    let mut poison = trade("poison", 5, "-1");
    poison["size"] = "none".into();
    for event in [trade("jump", 2, "115"), poison] {
        let mut undisturbed = world().with_sdk_retries();
        undisturbed.publish(&event);
        let calls = undisturbed.run(&[]);
        let mut longest = Duration::ZERO;
        for from in 0..calls {
            for pause in [0, 1_900].map(Duration::from_millis) {
                let mut world = world().with_sdk_retries();
                let mut calls = 0;
                run(&mut world, &event, |_| {
                    calls += 1;
                    (calls <= from).then_some(pause)
                });
                longest = longest.max(slowest(&world));
                assert!(slowest(&world) < TIMEOUT, "from call {from} on, {pause:?} each before: {:?}", world.durations);
                // Nothing ends in silence: what did not come to its end is a dead letter.
                let (ended, expected) = (world.outcome(), undisturbed.outcome());
                let all = (&ended.mails, &ended.rejected) == (&expected.mails, &expected.rejected);
                assert!(all || !world.dead_letters.is_empty(), "from call {from} on, {pause:?} each before");
            }
        }
        // Else nothing here has hung.
        assert!(longest > OPERATION_TIMEOUT, "{longest:?}");
    }
}

/// Every operation takes nearly all of its time: two requests hang, the third is answered late. And there is one operation
/// more than in a usual day: the alert rules are not valid, nor are the versions before.
#[test]
fn a_function_whose_every_call_limps_answers_in_time() {
    for bad_versions in 0..=MAX_EARLIER_VERSIONS {
        let mut world = world().with_sdk_retries();
        for _ in 0..bad_versions {
            world.aws.set("alert-rules", "nonsense");
        }
        let mut requests: BTreeMap<String, usize> = BTreeMap::new();
        run(&mut world, &trade("jump", 2, "115"), |call| {
            let made = requests.entry(format!("{} {}", call.operation, call.request)).or_default();
            *made += 1;
            // A publish is never repeated by the SDK.
            (*made > 2 || call.operation == "Publish").then_some(Duration::from_millis(700))
        });
        let longest = slowest(&world);
        assert!(longest > OPERATION_TIMEOUT * 4 && longest < TIMEOUT, "{bad_versions}: {:?}", world.durations);
    }
}
