//! Letters that the person has marked, by their message ids: a refresh, another order, a look that brings others do not
//! change what is marked.

use std::collections::{BTreeMap, BTreeSet};

use crate::redrive::machine::MessageId;
use crate::stack::StageName;

/// The marked letters of each queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(BTreeMap<StageName, BTreeSet<MessageId>>);

impl Marks {
    /// Marks a letter of a queue, or takes its mark away.
    pub fn toggle(&mut self, queue: StageName, id: &str) {
        let marked = self.0.entry(queue).or_default();
        if !marked.remove(id) {
            marked.insert(id.to_owned());
        }
    }

    /// Marks letters of a queue.
    pub fn add(&mut self, queue: StageName, ids: impl IntoIterator<Item = MessageId>) {
        self.0.entry(queue).or_default().extend(ids);
    }

    /// Takes away all marks of a queue.
    pub fn clear(&mut self, queue: StageName) {
        self.0.remove(&queue);
    }

    /// Takes the mark of a letter away, in whichever queue it was.
    pub fn forget(&mut self, id: &str) {
        for marked in self.0.values_mut() {
            marked.remove(id);
        }
    }

    /// True when the letter is marked.
    pub fn has(&self, queue: StageName, id: &str) -> bool {
        self.0.get(&queue).is_some_and(|marked| marked.contains(id))
    }

    /// How many letters of a queue are marked.
    pub fn count(&self, queue: StageName) -> usize {
        self.0.get(&queue).map_or(0, BTreeSet::len)
    }

    /// The marked letters of a queue.
    pub fn of(&self, queue: StageName) -> Vec<MessageId> {
        self.0.get(&queue).into_iter().flatten().cloned().collect()
    }
}
