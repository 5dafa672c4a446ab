//! Events that ingestion must reject.

use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::event::FeedEvent;

/// What is wrong with an event that is sent to be rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Poison {
    /// The symbol is not there
    MissingField,
    /// The price is below zero
    NegativePrice,
    /// The price is a word
    BadNumber,
    /// The symbol has characters that symbols do not have
    BadSymbol,
    /// The event type is none that is known
    UnknownType,
    /// The schema version is none that is known
    UnknownVersion,
    /// The time is an hour ahead
    FutureTimestamp,
    /// The time is not a time
    BadTimestamp,
    /// The detail is an array: the bus itself refuses it
    NotJsonObject,
}

impl Poison {
    /// True when the bus refuses it already, so that nothing reaches ingestion.
    pub fn is_refused_by_the_bus(self) -> bool {
        self == Self::NotJsonObject
    }

    /// Spoils an event.
    pub fn spoil(self, event: &mut FeedEvent, now: Timestamp) {
        event.poison = true;
        // Every type of event has one of these.
        let price =
            ["price", "bid", "open"].into_iter().find(|field| event.detail.get(field).is_some()).unwrap_or("price");
        match self {
            Self::MissingField => {
                if let Some(object) = event.detail.as_object_mut() {
                    object.remove("symbol");
                }
            }
            Self::NegativePrice => event.set(price, "-1"),
            Self::BadNumber => event.set(price, "plenty"),
            Self::BadSymbol => event.set("symbol", "not a symbol!"),
            Self::UnknownType => event.set("event_type", "rumour"),
            Self::UnknownVersion => event.set("schema_version", 99),
            Self::FutureTimestamp => {
                let ahead = now.checked_add(SignedDuration::from_hours(1)).unwrap_or(now);
                event.set("timestamp", market::time::format(ahead));
            }
            Self::BadTimestamp => event.set("timestamp", "yesterday, about noon"),
            Self::NotJsonObject => event.detail = json!([std::mem::replace(&mut event.detail, Value::Null)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_poison_spoils_every_type() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let time = market::time::format(now);
        let good = [
            json!({"event_type": "trade", "symbol": "X", "price": "1", "size": "1", "timestamp": time}),
            json!({"event_type": "quote", "symbol": "X", "bid": "1", "ask": "2", "bid_size": "1", "ask_size": "1",
                   "timestamp": time}),
            json!({"event_type": "bar", "symbol": "X", "open": "1", "high": "1", "low": "1", "close": "1",
                   "volume": "1", "timestamp": time}),
        ];
        for detail in good {
            let event = FeedEvent::new(detail);
            assert_eq!(event.check("marketdata.feed.test", now), Ok(()));
            for poison in Poison::value_variants() {
                let mut spoiled = event.clone();
                poison.spoil(&mut spoiled, now);
                assert!(spoiled.poison);
                assert!(spoiled.check("marketdata.feed.test", now).is_err(), "{poison:?}: {}", spoiled.detail);
            }
        }
    }
}
