//! Rows of the symbol index.

use market::event::EventType;
use market::identifier::EventId;
use market::observation::Observation;

use crate::attributes::{Item, decimal_of, number, text, time_of};

/// Reads the rows of a query; one that cannot be read is left out and said so.
pub(super) fn read_all(items: &[Item]) -> Vec<Observation> {
    items
        .iter()
        .filter_map(|item| {
            let observation = read(item);
            if observation.is_none() {
                let event_id = text(item, "event_id").unwrap_or("unknown");
                tracing::error!(row = event_id, "left out a row of the window that cannot be read");
            }
            observation
        })
        .collect()
}

fn read(item: &Item) -> Option<Observation> {
    Some(Observation {
        event_id: EventId::new(text(item, "event_id")?).ok()?,
        timestamp: time_of(item, "timestamp")?,
        event_type: text(item, "event_type")?.parse::<EventType>().ok()?,
        price: decimal_of(item, "price"),
        size: decimal_of(item, "size"),
        bid: decimal_of(item, "bid"),
        ask: decimal_of(item, "ask"),
        sequence: number(item, "sequence"),
    })
}
