//! The machine against a model of SQS and Lambda that may do anything that they may: properties over arbitrary schedules.

use jiff::Timestamp;
use proptest::prelude::*;

use super::model::{Process, Tape, World, limits, time_passes};
use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    /// Whatever happens, and however often the process is killed, no letter is lost, none is deleted unproven, none is sent
    /// of which the journal knows better, and the limits hold: all of it is checked at every step. And when nothing goes
    /// wrong any more, the same run comes to its end with every letter redriven, and none of them in the queue.
    #[test]
    fn no_schedule_loses_a_letter(
        letters in 1usize..40,
        strangers in 0usize..30,
        verify: bool,
        tapes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 0..6),
    ) {
        let mut world = World::new(letters, strangers);
        let plan = World::plan(letters);
        for tape in &tapes {
            let mut process = Process::start(&mut world, &plan, limits(verify));
            if process.run(&mut Tape(tape.iter())) {
                process.check_outcomes();
            }
            time_passes(&mut world);
        }
        let mut process = Process::start(&mut world, &plan, limits(verify));
        prop_assert!(process.run(&mut Tape([].iter())));
        process.check_outcomes();
        prop_assert_eq!(process.machine.end(), Some(End::Complete));
        let open: Vec<_> =
            process.machine.outcomes().filter(|(_, outcome)| !outcome.is_through()).collect();
        prop_assert!(open.is_empty(), "{:?}", open);
        prop_assert!(world.queue.keys().eq(world.strangers.iter()), "{:?}", world.queue);
        prop_assert!(world.queue.values().all(|message| !message.hidden), "not given back: {:?}", world.queue);
    }
}

proptest! {
    /// Slowness alone makes no letter unseen: however long calls wait for their turn, and although a killed process had
    /// letters in hand, the run ends with every letter redriven.
    #[test]
    fn slow_answers_leave_no_letter_unseen(
        letters in 1usize..40,
        strangers in 0usize..30,
        verify: bool,
        in_dead_hands in prop::collection::vec(any::<bool>(), 40),
        seen_again_after in 0..limits(false).patience,
        delays in prop::collection::vec(0u32..60, 0..60),
    ) {
        let mut world = World::new(letters, strangers);
        let plan = World::plan(letters);
        for (message, hidden) in world.queue.values_mut().zip(in_dead_hands) {
            message.hidden = hidden;
        }
        let mut process = Process::start(&mut world, &plan, limits(verify));
        let mut ticks = 0;
        let mut delays = delays.into_iter();
        while !process.finished {
            let delay = if process.under_way.is_empty() { 1 } else { delays.next().unwrap_or(0) };
            for _ in 0..delay {
                ticks += 1;
                if ticks == seen_again_after + 1 {
                    // What this process has received meanwhile stays hidden.
                    process.world.queue.values_mut().filter(|message| message.receipt == 0).for_each(|message| {
                        message.hidden = false;
                    });
                }
                let effects = process.machine.handle(Event::Tick);
                process.take(effects, &mut Tape([].iter()));
            }
            prop_assert!(ticks < 20_000, "no end: {:?}", process.machine);
            if process.under_way.is_empty() {
                continue;
            }
            let effect = process.under_way.remove(0);
            if let Some(event) = process.perform(effect, &mut Tape([].iter())) {
                let effects = process.machine.handle(event);
                process.take(effects, &mut Tape([].iter()));
            }
        }
        let open: Vec<_> = process.machine.outcomes().filter(|(_, outcome)| *outcome != Outcome::Redriven).collect();
        prop_assert!(open.is_empty(), "{:?}", open);
    }
}

/// Does every effect well until the end; returns those that `wanted` wants.
fn smoothly(machine: &mut Machine, world: &mut World, plan: &[MessageId], limits: Limits) -> Vec<Effect> {
    let mut seen = Vec::new();
    let mut process = Process {
        world,
        plan,
        limits,
        machine: std::mem::replace(machine, Machine::new([], limits)),
        under_way: Vec::new(),
        deleted_one: false,
        finished: false,
    };
    let mut next = process.machine.start();
    loop {
        seen.extend(next.iter().cloned());
        process.take(next, &mut Tape([].iter()));
        if process.finished {
            break;
        }
        let event = if process.under_way.is_empty() {
            Event::Tick
        } else {
            let effect = process.under_way.remove(0);
            match process.perform(effect, &mut Tape([].iter())) {
                Some(event) => event,
                None => Event::Tick,
            }
        };
        next = process.machine.handle(event);
    }
    *machine = process.machine;
    seen
}

fn count(effects: &[Effect], is: fn(&Effect) -> bool) -> usize {
    effects.iter().filter(|effect| is(effect)).count()
}

#[test]
fn five_hundred_letters_take_about_one_call_and_a_fifth_each() {
    let plan = World::plan(500);
    let limits = Limits { concurrency: 16, receives: 4, in_hand: 200, ..limits(false) };
    let mut world = World::new(500, 0);
    let mut machine = Machine::new(plan.iter().map(|id| (id.clone(), Known::Open)), limits);
    let effects = smoothly(&mut machine, &mut world, &plan, limits);
    assert!(world.queue.is_empty());
    assert_eq!(count(&effects, |effect| matches!(effect, Effect::Send(_))), 500);
    let deletes = count(&effects, |effect| matches!(effect, Effect::Delete(_)));
    assert!((50..=60).contains(&deletes), "{deletes} deletes");
    let receives = count(&effects, |effect| matches!(effect, Effect::Receive));
    assert!((50..=55).contains(&receives), "{receives} receives");
}

#[test]
fn what_is_not_of_the_plan_is_held_back_and_given_back_once() {
    let plan = World::plan(3);
    let mut world = World::new(3, 30);
    let mut machine = Machine::new(plan.iter().map(|id| (id.clone(), Known::Open)), limits(false));
    let effects = smoothly(&mut machine, &mut world, &plan, limits(false));
    let released: usize = effects
        .iter()
        .map(|effect| match effect {
            Effect::Release(entries) => entries.len(),
            _ => 0,
        })
        .sum();
    assert_eq!((released, world.queue.len()), (30, 30));
}

#[test]
fn letters_that_somebody_else_took_end_as_unseen() {
    let plan = World::plan(3);
    let mut world = World::new(3, 0);
    world.queue.remove("m1");
    world.delivered.insert("m1".to_owned(), 1);
    let mut machine = Machine::new(plan.iter().map(|id| (id.clone(), Known::Open)), limits(false));
    smoothly(&mut machine, &mut world, &plan, limits(false));
    let outcomes: Vec<Outcome> = machine.outcomes().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, [Outcome::Redriven, Outcome::Unseen, Outcome::Redriven]);
}

#[test]
fn a_receive_that_waits_long_for_its_turn_is_no_sign_that_nothing_is_there() {
    let limits = Limits { receives: 1, in_hand: 10, ..limits(false) };
    let mut machine = Machine::new(World::plan(3).into_iter().map(|id| (id, Known::Open)), limits);
    assert_eq!(machine.start(), [Effect::Receive]);
    for _ in 0..10 * limits.patience {
        assert_eq!(machine.handle(Event::Tick), []);
    }
    // It was begun too early to tell anything of letters that somebody else had in hand then.
    let effects = machine.handle(Event::Received(Vec::new()));
    assert_eq!(effects, [Effect::Look]);
    assert_eq!(machine.handle(Event::Looked(Some(Load { visible: 0, hidden: 3 }))), []);
    assert_eq!(machine.handle(Event::Tick), [Effect::Receive]);
    // And this one tells.
    machine.handle(Event::Received(Vec::new()));
    machine.handle(Event::Looked(None));
    assert_eq!(machine.end(), Some(End::Complete));
    assert!(machine.outcomes().all(|(_, outcome)| outcome == Outcome::Unseen));
}

#[test]
fn many_messages_that_come_again_and_again_do_not_hide_the_letters_behind_them() {
    let limits = Limits { receives: 1, in_hand: 10, ..limits(false) };
    let mut machine = Machine::new(World::plan(1).into_iter().map(|id| (id, Known::Open)), limits);
    assert_eq!(machine.start(), [Effect::Receive]);
    // Three receives' worth of others, which are hidden for less time than it takes to go through them.
    let others = |round: u32| -> Vec<_> {
        (0..10).map(|number| (format!("a{}", (round % 3) * 10 + number), format!("{round}"))).collect()
    };
    let rounds = limits.patience * 3;
    for round in 0..rounds {
        let effects = machine.handle(Event::Received(others(round)));
        assert_eq!(effects, [Effect::Receive], "round {round}: it goes on at once");
        assert_eq!(machine.handle(Event::Tick), []);
    }
    let effects = machine.handle(Event::Received(vec![("m0".to_owned(), "r".to_owned())]));
    assert_eq!(effects, [Effect::Send("m0".to_owned())]);

    // It does not go on for ever.
    let mut machine = Machine::new(World::plan(1).into_iter().map(|id| (id, Known::Open)), limits);
    machine.start();
    let ended = (0..limits.patience * 10).find(|round| {
        machine.handle(Event::Tick);
        let effects = machine.handle(Event::Received(others(*round)));
        effects.iter().any(|effect| matches!(effect, Effect::Release(_)))
    });
    assert!(ended > Some(rounds), "{ended:?}");
}

#[test]
fn without_the_permission_to_delete_only_one_letter_is_sent() {
    let limits = Limits { concurrency: 16, ..limits(false) };
    let mut machine = Machine::new(World::plan(20).into_iter().map(|id| (id, Known::Open)), limits);
    assert_eq!(machine.start()[0], Effect::Receive);
    let messages = (0..10).map(|number| (format!("m{number}"), number.to_string())).collect();
    let effects = machine.handle(Event::Received(messages));
    let sends: Vec<_> = effects.iter().filter(|effect| matches!(effect, Effect::Send(_))).collect();
    assert_eq!(sends, [&Effect::Send("m0".to_owned())]);
    let accepted = Accepted { accepted_id: None, at: Timestamp::UNIX_EPOCH };
    let effects = machine.handle(Event::Sent { id: "m0".to_owned(), result: Ok(accepted) });
    assert!(effects.contains(&Effect::Delete(vec![("m0".to_owned(), "0".to_owned())])), "{effects:?}");
    let denied = DeleteError::Fatal("not allowed".to_owned());
    machine.handle(Event::Deleted(vec![("m0".to_owned(), Err(denied))]));
    machine.handle(Event::ReceiveFailed { reason: "stopped".to_owned(), fatal: false });
    machine.handle(Event::Released);
    assert_eq!(machine.end(), Some(End::Aborted("not allowed")));
}

#[test]
fn a_stop_ends_what_is_under_way_and_gives_back_the_rest() {
    let limits = Limits { receives: 1, in_hand: 10, ..limits(false) };
    let mut machine = Machine::new(World::plan(20).into_iter().map(|id| (id, Known::Open)), limits);
    assert_eq!(machine.start(), [Effect::Receive]);
    let messages = (0..10).map(|number| (format!("m{number}"), number.to_string())).collect();
    assert_eq!(machine.handle(Event::Received(messages)), [Effect::Send("m0".to_owned())]);
    assert_eq!(machine.handle(Event::Stop), []);
    let accepted = Accepted { accepted_id: None, at: Timestamp::UNIX_EPOCH };
    let effects = machine.handle(Event::Sent { id: "m0".to_owned(), result: Ok(accepted) });
    assert!(matches!(effects.as_slice(), [Effect::Record(_), Effect::Delete(_)]), "{effects:?}");
    let effects = machine.handle(Event::Deleted(vec![("m0".to_owned(), Ok(()))]));
    assert!(matches!(effects.as_slice(), [Effect::Record(_), Effect::Release(held)] if held.len() == 9), "{effects:?}");
    assert_eq!(machine.handle(Event::Released), [Effect::Finish]);
    assert_eq!(machine.end(), Some(End::Stopped));
    let stopped = machine.outcomes().filter(|(_, outcome)| *outcome == Outcome::Stopped).count();
    assert_eq!(stopped, 19);
}

#[test]
fn many_failures_in_a_row_end_it() {
    let limits = limits(false);
    let mut machine = Machine::new(World::plan(10).into_iter().map(|id| (id, Known::Open)), limits);
    machine.start();
    let messages = (0..10).map(|number| (format!("m{number}"), number.to_string())).collect();
    machine.handle(Event::Received(messages));
    for number in 0..limits.failures_in_a_row {
        assert_eq!(machine.aborted, None);
        let result = Err(SendError::Permanent("too large".to_owned()));
        machine.handle(Event::Sent { id: format!("m{number}"), result });
    }
    assert!(
        matches!(machine.end(), Some(End::Aborted(reason)) if reason.contains("too large"))
            || machine.aborted.is_some()
    );
}
