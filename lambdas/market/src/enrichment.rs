//! What processing adds to an event: the window it looked at and the indicators.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::MarketEvent,
    indicators::{self, Indicators},
    observation::Observation,
    time,
};

/// The earlier events that were looked at; the event itself is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// How many.
    pub count: u32,
    /// Time of the oldest; none when there are none.
    #[serde(default, with = "time::six_digits_option", skip_serializing_if = "Option::is_none")]
    pub first_timestamp: Option<Timestamp>,
    /// Time of the newest.
    #[serde(default, with = "time::six_digits_option", skip_serializing_if = "Option::is_none")]
    pub last_timestamp: Option<Timestamp>,
}

impl Window {
    /// Describes a window, ascending by time.
    pub fn of(observations: &[Observation]) -> Self {
        Self {
            count: u32::try_from(observations.len()).unwrap_or(u32::MAX),
            first_timestamp: observations.first().map(|observation| observation.timestamp),
            last_timestamp: observations.last().map(|observation| observation.timestamp),
        }
    }
}

/// What processing computed for an event. In JSON every number keeps its digits; what could not be computed is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrichment {
    /// What was looked at.
    pub window: Window,
    /// What was computed.
    pub indicators: Indicators,
}

/// Computes the enrichment of `event` from the window before it: ascending by time, strictly before the event.
pub fn enrich(event: &MarketEvent, window: &[Observation]) -> Enrichment {
    Enrichment { window: Window::of(window), indicators: indicators::compute(event, window) }
}
