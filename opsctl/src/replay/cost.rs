//! What a replay costs.

use serde::Serialize;

/// US dollars for a million replayed events that the stages know already, as docs/cost.md counts: 1.00 for the bus, 0.20
/// for the invocation, 0.25 for 60 ms of it, 0.625 for the put that finds the row and 0.625 for the audit row, 0.68 for
/// the log.
const KNOWN: f64 = 3.38;
/// The same for events whose rows are lost: they cost what new events do (docs/cost.md, "a million events").
const NEW: f64 = 11.50;

/// Between what a replay costs, in US dollars. Retries and alerts are left out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// When every event is known already.
    pub all_known: f64,
    /// When every event is new.
    pub all_new: f64,
}

impl Cost {
    /// Of so many events.
    pub fn of(events: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "2^52 events are never replayed")]
        let millions = events as f64 / 1e6;
        Self { all_known: millions * KNOWN, all_new: millions * NEW }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_events_cost_what_the_document_says() {
        let document = include_str!("../../../docs/cost.md");
        let Cost { all_known, all_new } = Cost::of(1_000_000);
        assert!(document.contains(&format!("**{all_known:.2}**")), "{all_known}");
        assert!(document.contains(&format!("about {all_new:.2}")), "{all_new}");
    }
}
