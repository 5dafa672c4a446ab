//! What follows from how things stand: the effects.

use super::letter::State;
use super::step::Machine;
use super::types::{Effect, MessageId};

/// SQS takes at most so many entries a call, and gives at most so many messages.
pub(super) const BATCH: usize = 10;

impl Machine {
    /// What follows from how things stand.
    pub(super) fn go_on(&mut self, effects: &mut Vec<Effect>) {
        if self.finished {
            return;
        }
        self.send(effects);
        self.delete(effects);
        self.receive(effects);
        self.finish(effects);
    }

    fn send(&mut self, effects: &mut Vec<Effect>) {
        // Until one letter was deleted only one is on its way.
        let (on_its_way, most) = if self.tried {
            (self.book.count(State::Sending), self.limits.concurrency)
        } else {
            let states = [State::Sending, State::Verifying, State::Proven, State::Deleting];
            (states.map(|state| self.book.count(state)).iter().sum(), 1)
        };
        for _ in on_its_way..most {
            let Some(id) = self.ready.pop_front() else { break };
            self.book.set(&id, State::Sending);
            if let Some(letter) = self.book.get_mut(&id) {
                letter.sends += 1;
            }
            effects.push(Effect::Send(id));
        }
    }

    /// Deletes in full batches; in smaller ones when nothing is on its way that could fill them.
    fn delete(&mut self, effects: &mut Vec<Effect>) {
        let filling = self.tried && self.book.count(State::Sending) > 0;
        while self.proven.len() >= BATCH || (!filling && !self.proven.is_empty()) {
            let batch: Vec<MessageId> = self.proven.drain(..self.proven.len().min(BATCH)).collect();
            let mut entries = Vec::new();
            for id in batch {
                self.book.set(&id, State::Deleting);
                if let Some(letter) = self.book.get_mut(&id) {
                    letter.deletes += 1;
                    letter.deleting.clone_from(&letter.receipt);
                    entries.push((id, letter.receipt.clone()));
                }
            }
            effects.push(Effect::Delete(entries));
        }
    }

    fn receive(&mut self, effects: &mut Vec<Effect>) {
        if self.stopping || self.given_up || self.book.count(State::Waiting) == 0 {
            return;
        }
        if self.dry {
            let idle = self.book.in_hand() == 0 && self.receiving == 0;
            if idle && !self.looking && !self.looked {
                (self.looking, self.looked) = (true, true);
                effects.push(Effect::Look);
            }
            return;
        }
        let fits = |machine: &Self| {
            let coming = (machine.receiving + 1) * BATCH;
            machine.book.in_hand() + coming <= machine.limits.in_hand
                && machine.held.len() + coming <= machine.limits.held
        };
        // Those that are held back may come again, and have to be gone through.
        let to_come = self.book.count(State::Waiting) + self.held.len();
        while self.receiving < self.limits.receives && self.receiving * BATCH < to_come && fits(self) {
            self.receiving += 1;
            self.asked_at = self.now;
            effects.push(Effect::Receive);
        }
        // So many messages are held back that no more may be: those who wait will not be seen in this run.
        self.given_up = self.receiving == 0 && self.book.in_hand() == 0;
    }

    fn finish(&mut self, effects: &mut Vec<Effect>) {
        let over = self.stopping || self.given_up || self.book.count(State::Waiting) == 0;
        if !over || self.book.in_hand() > 0 || self.receiving > 0 || self.looking {
            return;
        }
        if !self.released {
            self.released = true;
            let held: Vec<_> = std::mem::take(&mut self.held).into_iter().collect();
            for batch in held.chunks(BATCH) {
                self.releasing += 1;
                effects.push(Effect::Release(batch.to_vec()));
            }
        }
        if self.releasing == 0 {
            self.finished = true;
            effects.push(Effect::Finish);
        }
    }
}
