//! What is known of earlier events of the same symbol: a row of the symbol index.

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::{
    event::{EventType, MarketEvent},
    identifier::EventId,
};

/// An earlier event of the symbol, as far as indicators and rules need it.
///
/// A *window* is a slice of these, ascending by time and strictly before the event that is looked at:
/// [`Observation::window_before`] makes one. Events with the very same microsecond do not see each other. Processing passes
/// the entries of the event's own type; in a window of several types, whatever must compare like with like (volumes,
/// sequence numbers, crossings) does so itself. Nothing here tells venues apart, so a symbol is best fed from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Which event this is.
    pub event_id: EventId,
    /// Its time.
    pub timestamp: Timestamp,
    /// What kind of event.
    pub event_type: EventType,
    /// Its [reference price](MarketEvent::reference_price); none for a quote with an empty side.
    pub price: Option<Decimal>,
    /// Its [traded amount](MarketEvent::reference_size); none for quotes.
    pub size: Option<Decimal>,
    /// Best bid, for quotes.
    pub bid: Option<Decimal>,
    /// Best ask, for quotes.
    pub ask: Option<Decimal>,
    /// The venue's number, when the feed gives one.
    pub sequence: Option<u64>,
}

impl Observation {
    /// The observation that the event itself will be for later ones.
    pub fn of(event: &MarketEvent) -> Self {
        Self {
            event_id: event.event_id.clone(),
            timestamp: event.timestamp,
            event_type: event.event_type(),
            price: event.reference_price(),
            size: event.reference_size(),
            bid: event.quote().map(|quote| quote.bid),
            ask: event.quote().map(|quote| quote.ask),
            sequence: event.sequence,
        }
    }

    /// The window of `event` from what was read: only what lies strictly before it, ascending by time, then by sequence,
    /// then by id. An index returns entries of one time in no set order; this makes it one, so that a retry computes the
    /// same numbers.
    pub fn window_before(event: &MarketEvent, mut observations: Vec<Self>) -> Vec<Self> {
        observations.retain(|observation| observation.timestamp < event.timestamp);
        observations.sort_by(|a, b| {
            let key = |seen: &Self| (seen.timestamp, seen.sequence);
            key(a).cmp(&key(b)).then_with(|| a.event_id.cmp(&b.event_id))
        });
        observations
    }

    /// The price, if there is one that can stand in a series: greater than 0.
    pub(crate) fn usable_price(&self) -> Option<Decimal> {
        self.price.filter(|price| *price > Decimal::ZERO)
    }

    /// A two-sided quote whose bid is above its ask.
    pub(crate) fn is_crossed(&self) -> bool {
        matches!((self.bid, self.ask), (Some(bid), Some(ask)) if ask > Decimal::ZERO && bid > ask)
    }
}
