use std::{fmt, str::FromStr};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::identifier::{Currency, EventId, Symbol};

/// What kind of market event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventType {
    /// One deal.
    Trade,
    /// Best bid and ask.
    Quote,
    /// Open, high, low, close and volume of a period.
    Bar,
}

impl EventType {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Trade, Self::Quote, Self::Bar];

    /// The text on the wire and in the table: `trade`, `quote`, `bar`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::Quote => "quote",
            Self::Bar => "bar",
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for EventType {
    type Err = crate::identifier::IdentifierError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(crate::identifier::IdentifierError("trade, quote or bar"))
    }
}

/// The aggressor's side of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The buyer took liquidity.
    Buy,
    /// The seller took liquidity.
    Sell,
}

impl Side {
    /// `buy` or `sell`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// One deal. Price and size are greater than 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    /// Price in units of the quote currency.
    pub price: Decimal,
    /// Amount in units of the instrument.
    pub size: Decimal,
    /// Who took liquidity, when the feed says so.
    pub side: Option<Side>,
}

/// Best bid and ask; nothing below 0. A price of 0 means that the side is empty. Crossed (bid > ask) and locked
/// (bid = ask) quotes are data, not errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Best bid price, 0 when there is none.
    pub bid: Decimal,
    /// Best ask price, 0 when there is none.
    pub ask: Decimal,
    /// Amount at the bid.
    pub bid_size: Decimal,
    /// Amount at the ask.
    pub ask_size: Decimal,
}

impl Quote {
    /// Both sides have a price.
    pub fn is_two_sided(&self) -> bool {
        self.bid > Decimal::ZERO && self.ask > Decimal::ZERO
    }

    /// Bid above ask, both present.
    pub fn is_crossed(&self) -> bool {
        self.is_two_sided() && self.bid > self.ask
    }

    /// Bid equal to ask, both present.
    pub fn is_locked(&self) -> bool {
        self.is_two_sided() && self.bid == self.ask
    }

    /// The middle of a two-sided quote: exact unless it needs more than 28 digits. `None` when a side is empty.
    pub fn mid(&self) -> Option<Decimal> {
        // Half the distance from one side: the sum of the two might not fit.
        let half = self.ask.checked_sub(self.bid).and_then(|distance| distance.checked_div(Decimal::TWO));
        let mid = half.and_then(|half| self.bid.checked_add(half));
        mid.filter(|_| self.is_two_sided()).map(|price| price.normalize())
    }
}

/// A period's prices and volume: prices > 0, low ≤ open, close ≤ high, volume ≥ 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// First price.
    pub open: Decimal,
    /// Highest price.
    pub high: Decimal,
    /// Lowest price.
    pub low: Decimal,
    /// Last price.
    pub close: Decimal,
    /// Amount traded.
    pub volume: Decimal,
}

/// What the event says, by type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A deal.
    Trade(Trade),
    /// A quote.
    Quote(Quote),
    /// A bar.
    Bar(Bar),
}

/// A valid market event, normalised. Equal events have equal content; the raw payload with its unknown fields is kept
/// beside it (see [`canonical_json`](super::canonical_json)), not in it.
///
/// Serialises as one flat object (`event_id`, `event_type`, `symbol`, `timestamp`, `source`, then `venue`, `sequence`,
/// `currency` when known, then the body's fields), with prices and sizes as text so that every reader keeps their digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketEvent {
    /// Identity, together with `timestamp`.
    pub event_id: EventId,
    /// Instrument.
    pub symbol: Symbol,
    /// The exchange's time, UTC, microsecond resolution.
    pub timestamp: Timestamp,
    /// The feed that published it: the envelope's source, such as `marketdata.feed.binance`.
    pub source: String,
    /// Trading venue, when known.
    pub venue: Option<String>,
    /// The venue's own numbering, when known.
    pub sequence: Option<u64>,
    /// Currency of the prices, when known.
    pub currency: Option<Currency>,
    /// Prices and sizes.
    pub body: Body,
}

impl MarketEvent {
    /// What kind of event it is.
    pub fn event_type(&self) -> EventType {
        match self.body {
            Body::Trade(_) => EventType::Trade,
            Body::Quote(_) => EventType::Quote,
            Body::Bar(_) => EventType::Bar,
        }
    }

    /// The one price that stands for the event in indicators and rules: the trade's price, the quote's middle, the bar's
    /// close. `None` for a quote with an empty side.
    pub fn reference_price(&self) -> Option<Decimal> {
        match &self.body {
            Body::Trade(trade) => Some(trade.price),
            Body::Quote(quote) => quote.mid(),
            Body::Bar(bar) => Some(bar.close),
        }
    }

    /// The traded amount: the trade's size, the bar's volume. `None` for a quote, which trades nothing.
    pub fn reference_size(&self) -> Option<Decimal> {
        match &self.body {
            Body::Trade(trade) => Some(trade.size),
            Body::Quote(_) => None,
            Body::Bar(bar) => Some(bar.volume),
        }
    }

    /// The quote, when it is one.
    pub fn quote(&self) -> Option<&Quote> {
        match &self.body {
            Body::Quote(quote) => Some(quote),
            Body::Trade(_) | Body::Bar(_) => None,
        }
    }
}
