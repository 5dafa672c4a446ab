//! A letter of the plan, and the book that is kept of all of them.

use std::collections::BTreeMap;

use super::types::{Known, MessageId, Outcome, Receipt};

/// Where a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// In the queue as far as is known; not in hand.
    Waiting,
    /// In hand, to be sent.
    Ready,
    /// Being sent.
    Sending,
    /// Accepted; the stage's word is waited for.
    Verifying,
    /// In hand, delivered, to be deleted.
    Proven,
    /// Being deleted.
    Deleting,
    /// Through.
    Ended,
}

impl State {
    /// How many there are.
    const COUNT: usize = 7;

    /// In hand: hidden from everybody else on our account.
    pub(super) const fn is_in_hand(self) -> bool {
        !matches!(self, Self::Waiting | Self::Ended)
    }
}

/// A letter of the plan.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    state: State,
    /// How far its event is known to have come. It never goes back.
    pub(super) known: Known,
    /// Of its latest receive.
    pub(super) receipt: Receipt,
    /// That its latest delete was tried with.
    pub(super) deleting: Receipt,
    /// The tick of its latest receive or extension.
    pub(super) hidden_at: u32,
    pub(super) sends: u32,
    pub(super) deletes: u32,
    /// How it ended, once it has.
    pub(super) outcome: Option<Outcome>,
}

impl Letter {
    /// Where it stands.
    pub(super) fn state(&self) -> State {
        self.state
    }
}

/// All letters of the plan, counted by state.
#[derive(Debug, Default)]
pub(super) struct Book {
    letters: BTreeMap<MessageId, Letter>,
    counts: [usize; State::COUNT],
    redriven: usize,
}

impl Book {
    /// A book of these letters.
    pub(super) fn new(letters: impl IntoIterator<Item = (MessageId, Known)>) -> Self {
        let mut book = Self::default();
        for (id, known) in letters {
            let state = if known == Known::Deleted { State::Ended } else { State::Waiting };
            let outcome = (known == Known::Deleted).then_some(Outcome::Redriven);
            book.redriven += usize::from(outcome.is_some());
            let letter = Letter {
                state,
                known,
                receipt: Receipt::new(),
                deleting: Receipt::new(),
                hidden_at: 0,
                sends: 0,
                deletes: 0,
                outcome,
            };
            if book.letters.insert(id, letter).is_none() {
                book.counts[state as usize] += 1;
            }
        }
        book
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Letter> {
        self.letters.get_mut(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&MessageId, &Letter)> {
        self.letters.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&MessageId, &mut Letter)> {
        self.letters.iter_mut()
    }

    /// Moves a letter to another state.
    pub(super) fn set(&mut self, id: &str, state: State) {
        if let Some(letter) = self.letters.get_mut(id) {
            self.counts[letter.state as usize] -= 1;
            self.counts[state as usize] += 1;
            letter.state = state;
        }
    }

    /// Ends a letter.
    pub(super) fn end(&mut self, id: &str, outcome: Outcome) {
        self.set(id, State::Ended);
        if let Some(letter) = self.letters.get_mut(id) {
            self.redriven -= usize::from(letter.outcome == Some(Outcome::Redriven));
            self.redriven += usize::from(outcome == Outcome::Redriven);
            letter.outcome = Some(outcome);
        }
    }

    /// How many letters are in this state.
    pub(super) fn count(&self, state: State) -> usize {
        self.counts[state as usize]
    }

    /// How many letters are redriven.
    pub(super) fn redriven(&self) -> usize {
        self.redriven
    }

    /// How many letters are in hand.
    pub(super) fn in_hand(&self) -> usize {
        self.letters.len() - self.count(State::Waiting) - self.count(State::Ended)
    }
}
