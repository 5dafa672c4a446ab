use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeMap};
use serde_json::Value;

use super::{
    types::{Body, MarketEvent},
    validate::read_normalised,
};
use crate::{decimal, fault::Rejection, time};

impl MarketEvent {
    /// Reads the wire form with the same checks as [`validate`](super::validate), reporting every fault.
    pub fn from_json(value: &Value) -> Result<Self, Rejection> {
        read_normalised(value)
    }
}

impl Serialize for MarketEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("event_id", &self.event_id)?;
        map.serialize_entry("event_type", &self.event_type())?;
        map.serialize_entry("symbol", &self.symbol)?;
        map.serialize_entry("timestamp", &time::format(self.timestamp))?;
        map.serialize_entry("source", &self.source)?;
        if let Some(venue) = &self.venue {
            map.serialize_entry("venue", venue)?;
        }
        if let Some(sequence) = self.sequence {
            map.serialize_entry("sequence", &sequence)?;
        }
        if let Some(currency) = &self.currency {
            map.serialize_entry("currency", currency)?;
        }
        let mut number = |field: &str, value: Decimal| map.serialize_entry(field, &decimal::format(value));
        match &self.body {
            Body::Trade(trade) => {
                number("price", trade.price)?;
                number("size", trade.size)?;
                if let Some(side) = trade.side {
                    map.serialize_entry("side", side.as_str())?;
                }
            }
            Body::Quote(quote) => {
                number("bid", quote.bid)?;
                number("ask", quote.ask)?;
                number("bid_size", quote.bid_size)?;
                number("ask_size", quote.ask_size)?;
            }
            Body::Bar(bar) => {
                number("open", bar.open)?;
                number("high", bar.high)?;
                number("low", bar.low)?;
                number("close", bar.close)?;
                number("volume", bar.volume)?;
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for MarketEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
