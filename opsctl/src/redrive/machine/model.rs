//! A model of SQS and Lambda that may do anything that they may, and a process of the machine in it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::*;

/// Decisions of a schedule. When they are used up, everything goes well and in order, so that short tapes are simple.
pub(super) struct Tape<'a>(pub(super) std::slice::Iter<'a, u8>);

impl Tape<'_> {
    /// A number below `n`; zero is what usually happens.
    pub(super) fn pick(&mut self, n: usize) -> usize {
        self.0.next().map_or(0, |byte| usize::from(*byte) % n)
    }

    /// True about once in `n` times, while the tape lasts.
    pub(super) fn once_in(&mut self, n: usize) -> bool {
        self.pick(n) == n - 1
    }
}

#[derive(Debug, Default)]
pub(super) struct Message {
    /// The receipt that counts; older ones are stale.
    pub(super) receipt: u64,
    pub(super) hidden: bool,
}

/// The queue, the function, and the journal: what outlives a crash.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) queue: BTreeMap<MessageId, Message>,
    /// How often each event was accepted.
    pub(super) delivered: BTreeMap<MessageId, u32>,
    pub(super) journal: Vec<Record>,
    pub(super) receipts: u64,
    pub(super) strangers: BTreeSet<MessageId>,
}

impl World {
    pub(super) fn new(letters: usize, strangers: usize) -> Self {
        let mut world = Self::default();
        for number in 0..letters.max(strangers) {
            if number < letters {
                world.queue.insert(format!("m{number}"), Message::default());
            }
            if number < strangers {
                world.queue.insert(format!("a{number}"), Message::default());
                world.strangers.insert(format!("a{number}"));
            }
        }
        world
    }

    pub(super) fn plan(letters: usize) -> Vec<MessageId> {
        (0..letters).map(|number| format!("m{number}")).collect()
    }

    /// What the journal says of a letter.
    pub(super) fn known(&self, id: &MessageId) -> Known {
        let of = |record: &Record| match record {
            Record::Accepted { message_id, .. } if message_id == id => Known::Accepted,
            Record::Proven { message_id, .. } if message_id == id => Known::Proven,
            Record::Deleted { message_ids } if message_ids.contains(id) => Known::Deleted,
            _ => Known::Open,
        };
        self.journal.iter().map(of).max().unwrap_or(Known::Open)
    }

    pub(super) fn give(&mut self, id: &MessageId) -> (MessageId, Receipt) {
        self.receipts += 1;
        if let Some(message) = self.queue.get_mut(id) {
            (message.receipt, message.hidden) = (self.receipts, true);
        }
        (id.clone(), self.receipts.to_string())
    }

    pub(super) fn is_current(&self, id: &MessageId, receipt: &Receipt) -> bool {
        self.queue.get(id).is_some_and(|message| message.receipt.to_string() == *receipt)
    }

    /// Neither lost nor made up.
    pub(super) fn check(&self, plan: &[MessageId]) {
        for id in plan {
            let (queued, delivered) = (self.queue.contains_key(id), self.delivered.contains_key(id));
            assert!(queued || delivered, "{id} is neither in the queue nor delivered");
        }
        assert!(self.strangers.iter().all(|id| self.queue.contains_key(id)), "a message that is not ours was deleted");
        assert!(self.delivered.keys().all(|id| plan.contains(id)), "a message that is not ours was sent");
    }
}

/// One process: a machine, and the calls that it has under way.
pub(super) struct Process<'a> {
    pub(super) world: &'a mut World,
    pub(super) plan: &'a [MessageId],
    pub(super) limits: Limits,
    pub(super) machine: Machine,
    pub(super) under_way: Vec<Effect>,
    pub(super) deleted_one: bool,
    pub(super) finished: bool,
}

impl<'a> Process<'a> {
    pub(super) fn start(world: &'a mut World, plan: &'a [MessageId], limits: Limits) -> Self {
        let known: Vec<_> = plan.iter().map(|id| (id.clone(), world.known(id))).collect();
        let mut machine = Machine::new(known, limits);
        let effects = machine.start();
        let mut process =
            Self { world, plan, limits, machine, under_way: Vec::new(), deleted_one: false, finished: false };
        process.take(effects, &mut Tape([].iter()));
        process
    }

    /// Begins effects, in order. False when it crashed between two of them.
    pub(super) fn take(&mut self, effects: Vec<Effect>, tape: &mut Tape<'_>) -> bool {
        for effect in effects {
            assert!(!self.finished, "{effect:?} after the end");
            match &effect {
                Effect::Record(record) => self.world.journal.push(record.clone()),
                Effect::Finish => {
                    let mut others = self.under_way.iter().filter(|effect| !matches!(effect, Effect::Extend(_)));
                    assert_eq!(others.next(), None, "the end with a call under way");
                    self.finished = true;
                }
                Effect::Send(id) => {
                    assert_eq!(self.world.known(id), Known::Open, "{id} is sent although the journal says it was");
                }
                Effect::Delete(entries) => {
                    let least = if self.limits.verify { Known::Proven } else { Known::Accepted };
                    for (id, _) in entries {
                        assert!(self.world.known(id) >= least, "{id} is deleted unproven");
                    }
                }
                _ => {}
            }
            if !matches!(effect, Effect::Record(_) | Effect::Finish) {
                self.under_way.push(effect);
            }
            if tape.once_in(64) {
                return false;
            }
        }
        let count = |is: fn(&Effect) -> bool| self.under_way.iter().filter(|effect| is(effect)).count();
        let sends = count(|effect| matches!(effect, Effect::Send(_)));
        assert!(sends <= if self.deleted_one { self.limits.concurrency } else { 1 }, "{sends} sends at once");
        assert!(count(|effect| matches!(effect, Effect::Receive)) <= self.limits.receives);
        assert!(self.machine.in_hand() <= self.limits.in_hand, "{} in hand", self.machine.in_hand());
        true
    }

    /// Does one call, well or badly, and says what came of it; nothing when it has no answer.
    pub(super) fn perform(&mut self, effect: Effect, tape: &mut Tape<'_>) -> Option<Event> {
        let world = &mut *self.world;
        match effect {
            Effect::Receive => {
                let most = 10 - tape.pick(11);
                let visible = world.queue.iter().filter(|(_, message)| !message.hidden).map(|(id, _)| id.clone());
                let mut ids: Vec<_> = visible.take(most).collect();
                // At least once: what is hidden, or deleted, may come as well.
                if tape.once_in(8) && ids.len() < 10 {
                    let other = self.plan[tape.pick(self.plan.len())].clone();
                    if !ids.contains(&other) {
                        ids.push(other);
                    }
                }
                let messages = ids.iter().map(|id| world.give(id)).collect();
                let lost = tape.once_in(16);
                let fatal = lost && tape.once_in(8);
                Some(if lost {
                    Event::ReceiveFailed { reason: "no answer".to_owned(), fatal }
                } else {
                    Event::Received(messages)
                })
            }
            Effect::Look => {
                let count = |hidden| world.queue.values().filter(|message| message.hidden == hidden).count() as u64;
                let load = Load { visible: count(false), hidden: count(true) };
                Some(Event::Looked((!tape.once_in(8)).then_some(load)))
            }
            Effect::Send(id) => {
                let failure = tape.pick(24);
                let accepted = !matches!(failure, 20..=23);
                if accepted {
                    *world.delivered.entry(id.clone()).or_default() += 1;
                }
                let reason = "it failed".to_owned();
                let result = match failure {
                    18..=20 => Err(SendError::Unknown(reason)),
                    21 => Err(SendError::Transient(reason)),
                    22 => Err(SendError::Permanent(reason)),
                    23 if tape.once_in(4) => Err(SendError::Fatal(reason)),
                    23 => Err(SendError::Skipped),
                    _ => Ok(Accepted { accepted_id: None, at: Timestamp::UNIX_EPOCH }),
                };
                Some(Event::Sent { id, result })
            }
            Effect::Verify(id) => {
                let verdict = if tape.once_in(8) {
                    Verdict::Nothing("no row in time".to_owned())
                } else {
                    Verdict::Through("STORED".to_owned())
                };
                Some(Event::Verified { id, verdict })
            }
            Effect::Delete(entries) => {
                let mut results = Vec::new();
                for (id, receipt) in entries {
                    let failure = tape.pick(16);
                    let reason = "it failed".to_owned();
                    let result = if failure == 14 {
                        Err(DeleteError::Transient(reason))
                    } else if failure == 15 && tape.once_in(8) {
                        Err(DeleteError::Fatal(reason))
                    } else if world.queue.contains_key(&id) && !world.is_current(&id, &receipt) {
                        Err(DeleteError::Expired)
                    } else {
                        world.queue.remove(&id);
                        if failure == 13 { Err(DeleteError::Transient(reason)) } else { Ok(()) }
                    };
                    self.deleted_one |= result.is_ok();
                    results.push((id, result));
                }
                Some(Event::Deleted(results))
            }
            Effect::Extend(_) => None,
            Effect::Release(entries) => {
                for (id, receipt) in entries {
                    if world.is_current(&id, &receipt)
                        && !tape.once_in(8)
                        && let Some(message) = world.queue.get_mut(&id)
                    {
                        message.hidden = false;
                    }
                }
                Some(Event::Released)
            }
            Effect::Record(_) | Effect::Finish => unreachable!("done when taken"),
        }
    }

    /// Runs until the end, or the crash. True when it came to its end.
    pub(super) fn run(&mut self, tape: &mut Tape<'_>) -> bool {
        for _ in 0..20_000 {
            self.world.check(self.plan);
            if self.finished {
                return true;
            }
            // Receipts may expire at any time.
            if tape.once_in(8) {
                let hidden: Vec<_> =
                    self.world.queue.iter().filter(|(_, message)| message.hidden).map(|(id, _)| id.clone()).collect();
                if !hidden.is_empty() {
                    let id = &hidden[tape.pick(hidden.len())];
                    self.world.queue.get_mut(id).expect("it is there").hidden = false;
                }
            }
            let event = if tape.once_in(128) {
                Some(Event::Stop)
            } else if self.under_way.is_empty() || tape.once_in(6) {
                Some(Event::Tick)
            } else {
                let effect = self.under_way.remove(tape.pick(self.under_way.len()));
                self.perform(effect, tape)
            };
            let Some(event) = event else { continue };
            let effects = self.machine.handle(event);
            if !self.take(effects, tape) {
                self.crash(tape);
                return false;
            }
        }
        panic!("no end: {:?}", self.machine);
    }

    /// Calls under way at a crash may still arrive; nobody hears of it.
    pub(super) fn crash(&mut self, tape: &mut Tape<'_>) {
        for effect in std::mem::take(&mut self.under_way) {
            if tape.once_in(2) {
                self.perform(effect, tape);
            }
        }
        self.world.check(self.plan);
    }

    /// What the machine says of each letter is so.
    pub(super) fn check_outcomes(&self) {
        for (id, outcome) in self.machine.outcomes() {
            let (queued, delivered) = (self.world.queue.contains_key(id), self.world.delivered.contains_key(id));
            match outcome {
                Outcome::Redriven => assert!(delivered && !queued, "{id} is not redriven: {:?}", self.world),
                Outcome::Unproven { .. } => assert!(delivered && queued, "{id}"),
                Outcome::Failed { .. } | Outcome::Unseen | Outcome::Stopped => assert!(queued, "{id}: {outcome:?}"),
                Outcome::NotDeleted { .. } | Outcome::Gone => assert!(delivered, "{id}"),
            }
        }
    }
}

pub(super) fn limits(verify: bool) -> Limits {
    Limits {
        concurrency: 4,
        receives: 2,
        in_hand: 25,
        held: 1000,
        attempts: 3,
        failures_in_a_row: 5,
        extend_after: 3,
        patience: 12,
        verify,
    }
}

/// After the last process of a run is gone every message becomes visible again.
pub(super) fn time_passes(world: &mut World) {
    for message in world.queue.values_mut() {
        message.hidden = false;
    }
}
