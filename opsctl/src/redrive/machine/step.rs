//! An event, and what it changes.

use std::collections::{BTreeMap, VecDeque};

use super::follow::BATCH;
use super::letter::{Book, State};
use super::types::{
    Accepted, DeleteError, Effect, End, Event, Known, Limits, Load, MessageId, Outcome, Receipt, Record, SendError,
    Tally, Verdict,
};

/// An empty queue is believed after so many looks in a row, a tick apart: SQS only estimates.
const EMPTY_LOOKS: u32 = 3;
/// So many times the patience is had while receives bring nothing but messages that are not of the plan and were seen before.
const STRANGERS_PATIENCE: u32 = 5;
/// An expired receipt costs a new receive, and says nothing against the next delete: so many more of them are allowed.
const EXPIRIES: u32 = 4;
/// A letter is tried again after 1, 2, 4 … ticks, at most so many.
const LONGEST_REST: u32 = 32;

/// The redrive of one queue.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own; together they are no state")]
pub struct Machine {
    pub(super) limits: Limits,
    pub(super) book: Book,
    /// Letters in hand that may be sent now, and those that may be deleted now.
    pub(super) ready: VecDeque<MessageId>,
    pub(super) proven: VecDeque<MessageId>,
    /// Letters that rest until a tick.
    pub(super) resting: Vec<(u32, MessageId)>,
    /// Messages held back until the end: not of the plan, or given up.
    pub(super) held: BTreeMap<MessageId, Receipt>,
    pub(super) receiving: usize,
    pub(super) releasing: usize,
    pub(super) looking: bool,
    /// It was looked in this tick.
    pub(super) looked: bool,
    pub(super) now: u32,
    /// The tick at which something new was last received, or a letter was in hand.
    pub(super) progress_at: u32,
    /// The tick at which the latest receive was begun.
    pub(super) asked_at: u32,
    /// A receive brought nothing new: the next one waits for a tick.
    pub(super) dry: bool,
    pub(super) empty_looks: u32,
    /// The first letter goes its whole way alone, so that a missing permission shows before many were sent.
    pub(super) tried: bool,
    pub(super) failures_in_a_row: u32,
    /// Receives that failed in a row.
    pub(super) failed_receives: u32,
    /// What is still waiting will not come.
    pub(super) given_up: bool,
    pub(super) stopping: bool,
    pub(super) aborted: Option<String>,
    pub(super) released: bool,
    pub(super) finished: bool,
}

impl Machine {
    /// A machine for the letters of the plan, with what an earlier process of the same run has recorded about each.
    pub fn new(letters: impl IntoIterator<Item = (MessageId, Known)>, limits: Limits) -> Self {
        Self {
            limits,
            book: Book::new(letters),
            ready: VecDeque::new(),
            proven: VecDeque::new(),
            resting: Vec::new(),
            held: BTreeMap::new(),
            receiving: 0,
            releasing: 0,
            looking: false,
            looked: false,
            now: 0,
            progress_at: 0,
            asked_at: 0,
            dry: false,
            empty_looks: 0,
            tried: false,
            failures_in_a_row: 0,
            failed_receives: 0,
            given_up: false,
            stopping: false,
            aborted: None,
            released: false,
            finished: false,
        }
    }

    /// The first effects.
    pub fn start(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.go_on(&mut effects);
        effects
    }

    /// Takes an event.
    pub fn handle(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Received(messages) => self.received(messages, &mut effects),
            Event::ReceiveFailed { reason, fatal } => {
                self.receiving -= 1;
                self.dry = true;
                self.failed_receives += 1;
                if fatal || self.failed_receives >= self.limits.attempts {
                    self.abort(reason);
                }
            }
            Event::Looked(load) => self.looked(load),
            Event::Sent { id, result } => self.sent(&id, result, &mut effects),
            Event::Verified { id, verdict } => self.verified(&id, verdict, &mut effects),
            Event::Deleted(results) => self.deleted(results, &mut effects),
            Event::Released => self.releasing -= 1,
            Event::Tick => self.tick(&mut effects),
            Event::Stop => self.stop(),
        }
        self.go_on(&mut effects);
        effects
    }

    /// How it ended; none while it goes on.
    pub fn end(&self) -> Option<End<'_>> {
        let end = match &self.aborted {
            Some(reason) => End::Aborted(reason),
            None if self.stopping => End::Stopped,
            None => End::Complete,
        };
        self.finished.then_some(end)
    }

    /// How it ended with each letter. Of a machine that goes on: how it would if it stopped now.
    pub fn outcomes(&self) -> impl Iterator<Item = (&MessageId, Outcome)> {
        self.book.iter().map(|(id, letter)| {
            let outcome = letter.outcome.clone().unwrap_or_else(|| match letter.known {
                // Deleted by a call whose answer was lost, or whose record a crash prevented. It was looked for until the
                // queue was empty, or for longer than it could have been hidden.
                known if self.is_proof(known) && self.given_up => Outcome::Gone,
                known if self.is_proof(known) => Outcome::NotDeleted { reason: "all was stopped before".to_owned() },
                _ if self.given_up => Outcome::Unseen,
                _ => Outcome::Stopped,
            });
            (id, outcome)
        })
    }

    /// Letters in hand: received, and neither deleted nor given back.
    pub fn in_hand(&self) -> usize {
        self.book.in_hand()
    }

    /// Letters that are redriven, and letters that ended otherwise.
    pub fn tally(&self) -> Tally {
        let redriven = self.book.redriven();
        // One that SQS delivered once more is redriven and in hand again.
        Tally { redriven, given_up: self.book.count(State::Ended).saturating_sub(redriven) }
    }

    fn is_proof(&self, known: Known) -> bool {
        known >= if self.limits.verify { Known::Proven } else { Known::Accepted }
    }

    fn received(&mut self, messages: Vec<(MessageId, Receipt)>, effects: &mut Vec<Effect>) {
        self.receiving -= 1;
        self.failed_receives = 0;
        let (mut new, nothing) = (false, messages.is_empty());
        for (id, receipt) in messages {
            let Some(letter) = self.book.get_mut(&id) else {
                new |= self.held.insert(id, receipt).is_none();
                continue;
            };
            letter.receipt = receipt;
            letter.hidden_at = self.now;
            self.held.remove(&id);
            let (state, known) = (letter.state(), letter.known);
            let deleted = letter.outcome == Some(Outcome::Redriven);
            match state {
                State::Waiting if self.is_proof(known) => {
                    new = true;
                    self.delete_next(&id);
                }
                State::Waiting if self.stopping => self.hold(&id),
                State::Waiting if known == Known::Accepted => {
                    new = true;
                    self.book.set(&id, State::Verifying);
                    effects.push(Effect::Verify(id));
                }
                State::Waiting => {
                    new = true;
                    self.book.set(&id, State::Ready);
                    self.ready.push_back(id);
                }
                // SQS may deliver what was deleted: it is deleted again, not sent again.
                State::Ended if deleted => self.delete_next(&id),
                State::Ended => self.hold(&id),
                // Delivered again while in hand: the newer receipt counts.
                State::Ready | State::Sending | State::Verifying | State::Proven | State::Deleting => {}
            }
        }
        // Messages that are held back are seen again once they were hidden long enough, before those that are waited for if
        // there are many: then nothing new is no sign of an end, and the next receive, which hides them again, is due.
        self.dry = !new && nothing;
        if new {
            self.progress_at = self.now;
            self.empty_looks = 0;
        } else if self.receiving == 0 && self.book.in_hand() == 0 {
            // Only an answer tells that there is nothing. Time alone does not: a receive may wait for its turn for longer
            // than a message stays hidden, when SQS asks to slow down.
            let asked_after = self.asked_at.saturating_sub(self.progress_at);
            let patience = self.limits.patience.saturating_mul(if nothing { 1 } else { STRANGERS_PATIENCE });
            self.given_up |= asked_after >= patience;
        }
    }

    fn looked(&mut self, load: Option<Load>) {
        self.looking = false;
        let Some(load) = load else { return };
        let ours = (self.book.in_hand() + self.held.len()) as u64;
        let empty = load.visible == 0 && load.hidden <= ours;
        self.empty_looks = if empty { self.empty_looks + 1 } else { 0 };
        self.given_up |= self.empty_looks >= EMPTY_LOOKS;
    }

    fn sent(&mut self, id: &MessageId, result: Result<Accepted, SendError>, effects: &mut Vec<Effect>) {
        match result {
            Ok(accepted) => {
                self.failures_in_a_row = 0;
                if let Some(letter) = self.book.get_mut(id) {
                    letter.known = letter.known.max(Known::Accepted);
                }
                effects.push(Effect::Record(Record::Accepted { message_id: id.clone(), accepted }));
                if self.limits.verify {
                    self.book.set(id, State::Verifying);
                    effects.push(Effect::Verify(id.clone()));
                } else {
                    self.delete_next(id);
                }
            }
            Err(SendError::Skipped) => self.put_back(id),
            Err(SendError::Transient(reason)) => self.try_again(id, &reason, effects),
            Err(SendError::Unknown(reason)) => {
                let message_id = id.clone();
                effects.push(Effect::Record(Record::Unknown { message_id, reason: reason.clone() }));
                self.try_again(id, &reason, effects);
            }
            Err(SendError::Permanent(reason)) => self.give_up(id, &reason, effects),
            Err(SendError::Fatal(reason)) => {
                self.give_up(id, &reason, effects);
                self.abort(reason);
            }
        }
    }

    fn try_again(&mut self, id: &MessageId, reason: &str, effects: &mut Vec<Effect>) {
        let Some(letter) = self.book.get_mut(id) else { return };
        let sends = letter.sends;
        if sends >= self.limits.attempts {
            self.give_up(id, &format!("given up after {sends} attempts: {reason}"), effects);
        } else if self.stopping {
            self.put_back(id);
        } else {
            self.book.set(id, State::Ready);
            self.rest(id, sends);
        }
    }

    fn give_up(&mut self, id: &MessageId, reason: &str, effects: &mut Vec<Effect>) {
        effects.push(Effect::Record(Record::Failed { message_id: id.clone(), reason: reason.to_owned() }));
        self.end_and_hold(id, Outcome::Failed { reason: reason.to_owned() });
        self.failures_in_a_row += 1;
        if self.failures_in_a_row >= self.limits.failures_in_a_row {
            self.abort(format!(
                "{} letters in a row could not be sent, the last one since: {reason}",
                self.failures_in_a_row
            ));
        }
    }

    fn verified(&mut self, id: &MessageId, verdict: Verdict, effects: &mut Vec<Effect>) {
        match verdict {
            Verdict::Through(status) => {
                if let Some(letter) = self.book.get_mut(id) {
                    letter.known = letter.known.max(Known::Proven);
                }
                effects.push(Effect::Record(Record::Proven { message_id: id.clone(), status }));
                self.delete_next(id);
            }
            Verdict::Nothing(reason) => self.end_and_hold(id, Outcome::Unproven { reason }),
        }
    }

    fn deleted(&mut self, results: Vec<(MessageId, Result<(), DeleteError>)>, effects: &mut Vec<Effect>) {
        let mut gone = Vec::new();
        for (id, result) in results {
            let Some(letter) = self.book.get_mut(&id) else { continue };
            let deletes = letter.deletes;
            match result {
                Ok(()) => {
                    letter.known = Known::Deleted;
                    self.book.end(&id, Outcome::Redriven);
                    self.tried = true;
                    gone.push(id);
                }
                Err(DeleteError::Fatal(reason)) => {
                    self.end_and_hold(&id, Outcome::NotDeleted { reason: reason.clone() });
                    self.abort(reason);
                }
                Err(DeleteError::Transient(reason)) if deletes >= self.limits.attempts => {
                    self.end_and_hold(&id, Outcome::NotDeleted { reason });
                }
                Err(DeleteError::Transient(_)) => {
                    self.book.set(&id, State::Proven);
                    self.rest(&id, deletes);
                }
                Err(DeleteError::Expired) if deletes >= self.limits.attempts * EXPIRIES => {
                    let reason = "its receipt expired again and again".to_owned();
                    self.end_and_hold(&id, Outcome::NotDeleted { reason });
                }
                // A newer receipt has come meanwhile, or the next receive brings one; or it is gone, by an earlier delete
                // whose answer was lost.
                Err(DeleteError::Expired) if letter.receipt != letter.deleting => self.delete_next(&id),
                Err(DeleteError::Expired) => self.book.set(&id, State::Waiting),
            }
        }
        if !gone.is_empty() {
            effects.push(Effect::Record(Record::Deleted { message_ids: gone }));
        }
    }

    fn tick(&mut self, effects: &mut Vec<Effect>) {
        self.now += 1;
        self.dry = false;
        self.looked = false;
        let (due, resting) = std::mem::take(&mut self.resting).into_iter().partition(|(at, _)| *at <= self.now);
        self.resting = resting;
        let due: Vec<(u32, MessageId)> = due;
        for (_, id) in due {
            match self.book.get_mut(&id).map(|letter| letter.state()) {
                Some(State::Ready) => self.ready.push_back(id),
                Some(State::Proven) => self.proven.push_back(id),
                _ => {}
            }
        }
        let (now, after) = (self.now, self.limits.extend_after);
        let mut extend = Vec::new();
        for (id, letter) in self.book.iter_mut() {
            if letter.state().is_in_hand() && now - letter.hidden_at >= after {
                letter.hidden_at = now;
                extend.push((id.clone(), letter.receipt.clone()));
            }
        }
        effects.extend(extend.chunks(BATCH).map(|batch| Effect::Extend(batch.to_vec())));
        if self.book.in_hand() > 0 {
            self.progress_at = now;
        }
    }

    fn stop(&mut self) {
        self.stopping = true;
        self.ready.clear();
        let unsent: Vec<MessageId> =
            self.book.iter().filter(|(_, letter)| letter.state() == State::Ready).map(|(id, _)| id.clone()).collect();
        for id in unsent {
            self.put_back(&id);
        }
    }

    fn abort(&mut self, reason: String) {
        self.aborted.get_or_insert(reason);
        self.stop();
    }

    fn delete_next(&mut self, id: &MessageId) {
        self.book.set(id, State::Proven);
        self.proven.push_back(id.clone());
    }

    fn rest(&mut self, id: &MessageId, attempts: u32) {
        let rest = 1u32.checked_shl(attempts.saturating_sub(1)).map_or(LONGEST_REST, |rest| rest.min(LONGEST_REST));
        self.resting.push((self.now + rest, id.clone()));
    }

    /// Gives a letter back that was not sent, with all others at the end.
    fn put_back(&mut self, id: &MessageId) {
        self.book.set(id, State::Waiting);
        self.hold(id);
    }

    fn end_and_hold(&mut self, id: &MessageId, outcome: Outcome) {
        self.book.end(id, outcome);
        self.hold(id);
    }

    /// Keeps a message hidden until the end: given back at once, a receive would bring it again instead of others.
    fn hold(&mut self, id: &MessageId) {
        if let Some(letter) = self.book.get_mut(id) {
            self.held.insert(id.clone(), letter.receipt.clone());
        }
    }
}
