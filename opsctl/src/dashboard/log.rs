//! The events that the dashboard has seen: what each refresh brings is merged into a log of its own, so that more than
//! one page of the table can be looked through, and a person can hold it still.

use std::cmp::Reverse;

use crate::aws::events::StoredEvent;

/// So many events are kept, the latest ones.
pub const CAPACITY: usize = 10_000;

/// The latest events first.
#[derive(Debug, Clone, Default)]
pub struct EventLog {
    events: Vec<StoredEvent>,
    /// What came while it was held still; none when it is not.
    held: Option<Vec<StoredEvent>>,
}

impl EventLog {
    /// Takes what a refresh brought. An event that is known already is replaced: its status moves on.
    pub fn merge(&mut self, events: &[StoredEvent]) {
        match &mut self.held {
            Some(held) => merge(held, events),
            None => merge(&mut self.events, events),
        }
    }

    /// Holds it still, or lets it go on with what came meanwhile.
    pub fn toggle_hold(&mut self) {
        match self.held.take() {
            Some(held) => merge(&mut self.events, &held),
            None => self.held = Some(Vec::new()),
        }
    }

    /// How many events came or changed since it was held still; none when it is not.
    pub fn held(&self) -> Option<usize> {
        self.held.as_ref().map(Vec::len)
    }

    /// The events, the latest first.
    pub fn events(&self) -> &[StoredEvent] {
        &self.events
    }

    /// Forgets all: another time is shown.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

fn merge(log: &mut Vec<StoredEvent>, events: &[StoredEvent]) {
    type Order<'a> = (Reverse<&'a str>, &'a str);
    fn order(event: &StoredEvent) -> Order<'_> {
        (Reverse(event.timestamp.as_str()), event.event_id.as_str())
    }
    for event in events {
        match log.binary_search_by(|known| order(known).cmp(&order(event))) {
            Ok(index) => log[index].clone_from(event),
            Err(index) if index < CAPACITY => log.insert(index, event.clone()),
            Err(_) => {}
        }
    }
    log.truncate(CAPACITY);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::samples;

    fn event(id: &str, second: usize) -> StoredEvent {
        let mut event = samples::healthy().events.data.unwrap().swap_remove(0);
        id.clone_into(&mut event.event_id);
        event.timestamp = format!("2026-11-22T{:02}:{:02}:{:02}.000000Z", second / 3600, second / 60 % 60, second % 60);
        event
    }

    fn ids(log: &EventLog) -> Vec<&str> {
        log.events().iter().map(|event| event.event_id.as_str()).collect()
    }

    #[test]
    fn pages_become_one_log_and_a_status_moves_on() {
        let mut log = EventLog::default();
        log.merge(&[event("b", 2), event("a", 1)]);
        let mut changed = event("b", 2);
        changed.status = "RECEIVED".to_owned();
        log.merge(&[event("c", 3), changed]);
        assert_eq!(ids(&log), ["c", "b", "a"]);
        assert_eq!(log.events()[1].status, "RECEIVED");
    }

    #[test]
    fn it_can_be_held_still_without_losing_what_comes() {
        let mut log = EventLog::default();
        log.merge(&[event("a", 1)]);
        log.toggle_hold();
        log.merge(&[event("b", 2), event("a", 1)]);
        log.merge(&[event("b", 2)]);
        assert_eq!((ids(&log), log.held()), (vec!["a"], Some(2)));
        log.toggle_hold();
        assert_eq!((ids(&log), log.held()), (vec!["b", "a"], None));
    }

    #[test]
    fn the_oldest_go_when_it_is_full() {
        let mut log = EventLog::default();
        let events: Vec<_> = (0..CAPACITY + 5).map(|number| event(&format!("e{number}"), number)).collect();
        log.merge(&events);
        assert_eq!(log.events().len(), CAPACITY);
        assert_eq!(log.events()[0].event_id, format!("e{}", CAPACITY + 4));
        log.merge(&[event("ancient", 0)]);
        assert_eq!(log.events().len(), CAPACITY);
        assert!(!ids(&log).contains(&"ancient"));
    }
}
