use jiff::Timestamp;

use crate::{event::MarketEvent, identifier::RuleId, time};

/// The key under which an alert is sent once: its item in the audit table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cooldown {
    /// Hash key: `cooldown#{rule}#{symbol}#{window start, or the event's id when there is no cool-down}`.
    pub audit_id: String,
    /// Range key: start of the window; the event's own time when there is no cool-down.
    pub window_start: Timestamp,
    /// End of the window, not in it; the event's own time when there is no cool-down.
    pub window_end: Timestamp,
}

/// The cool-down that `event` falls into for a rule.
///
/// Windows are fixed: the event's time (not the clock) divided by the cool-down, rounded down. So the key is the same for
/// every delivery of an event, and whoever writes it first owns the window. Two alerts on both sides of a boundary may be
/// closer together than the cool-down. No part contains `#`, so different keys never read the same.
pub fn cooldown_key(rule: &RuleId, cooldown_seconds: u32, event: &MarketEvent) -> Cooldown {
    let key = |window: &str| format!("cooldown#{rule}#{}#{window}", event.symbol);
    let length = i64::from(cooldown_seconds) * 1_000_000;
    let bounds = event.timestamp.as_microsecond().checked_div_euclid(length).and_then(|index| {
        let start = time::from_micros(index * length).ok()?;
        Some((start, time::from_micros((index + 1) * length).unwrap_or(Timestamp::MAX)))
    });
    match bounds {
        Some((window_start, window_end)) => {
            Cooldown { audit_id: key(&time::format(window_start)), window_start, window_end }
        }
        None => Cooldown {
            audit_id: key(event.event_id.as_str()),
            window_start: event.timestamp,
            window_end: event.timestamp,
        },
    }
}
