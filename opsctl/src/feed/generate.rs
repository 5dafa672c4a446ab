//! Events made up: a random walk, the same for the same seed.

use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::event::FeedEvent;
use super::random::Random;

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Kind {
    /// A deal
    #[default]
    Trade,
    /// Best bid and ask
    Quote,
    /// Open, high, low, close and volume of a span
    Bar,
}

/// A random walk of prices.
#[derive(Debug, Clone)]
pub struct Walk {
    /// What kind of events.
    pub kind: Kind,
    /// Instrument.
    pub symbol: String,
    /// Price of the first event.
    pub price: Decimal,
    /// Size of each event.
    pub size: Decimal,
    /// How many events.
    pub count: usize,
    /// Time of the first event.
    pub start: Timestamp,
    /// Time between two events.
    pub step: SignedDuration,
    /// Which walk.
    pub seed: u64,
    /// Ids are `{prefix}-{number}`.
    pub prefix: String,
}

impl Walk {
    /// The events. Each step moves the price by at most 5 basis points, to whole hundredths and never below one.
    pub fn events(&self) -> Vec<FeedEvent> {
        let mut random = Random::new(self.seed);
        let mut price = self.price;
        (0..self.count)
            .map(|number| {
                if number > 0 {
                    price = step(price, &mut random);
                }
                let elapsed = self.step.saturating_mul(i32::try_from(number).unwrap_or(i32::MAX));
                let time = self.start.checked_add(elapsed).unwrap_or(self.start);
                let mut detail = body(self.kind, price, self.size, &mut random);
                detail["schema_version"] = json!(1);
                detail["event_id"] = json!(format!("{}-{}", self.prefix, number + 1));
                detail["symbol"] = json!(self.symbol);
                detail["timestamp"] = json!(market::time::format(time));
                detail["venue"] = json!("OPSCTL");
                detail["sequence"] = json!(number + 1);
                FeedEvent::new(detail)
            })
            .collect()
    }
}

fn step(price: Decimal, random: &mut Random) -> Decimal {
    let moved = price + price * Decimal::new(random.between(-500, 500), 6);
    moved.round_dp(2).max(Decimal::new(1, 2))
}

fn body(kind: Kind, price: Decimal, amount: Decimal, random: &mut Random) -> Value {
    let tick = Decimal::new(1, 2);
    match kind {
        Kind::Trade => {
            let side = if random.between(0, 1) == 0 { "buy" } else { "sell" };
            json!({"event_type": "trade", "price": price.to_string(), "size": amount.to_string(), "side": side})
        }
        Kind::Quote => json!({
            "event_type": "quote", "bid": price.to_string(), "ask": (price + tick).to_string(),
            "bid_size": amount.to_string(), "ask_size": amount.to_string(),
        }),
        Kind::Bar => {
            let close = step(price, random);
            json!({
                "event_type": "bar", "open": price.to_string(), "high": price.max(close).to_string(),
                "low": price.min(close).to_string(), "close": close.to_string(), "volume": amount.to_string(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(kind: Kind, seed: u64) -> Vec<FeedEvent> {
        let walk = Walk {
            kind,
            symbol: "TEST".to_owned(),
            price: Decimal::new(5, 2),
            size: Decimal::ONE,
            count: 500,
            start: "2026-11-22T12:00:00Z".parse().unwrap(),
            step: SignedDuration::from_millis(10),
            seed,
            prefix: "r1".to_owned(),
        };
        walk.events()
    }

    #[test]
    fn every_event_is_one_that_the_pipeline_takes() {
        let received_at = "2026-11-22T12:00:06Z".parse().unwrap();
        for kind in [Kind::Trade, Kind::Quote, Kind::Bar] {
            for event in walk(kind, 7) {
                assert_eq!(event.check("marketdata.feed.test", received_at), Ok(()), "{}", event.detail);
            }
        }
    }

    #[test]
    fn a_seed_is_a_walk() {
        assert_eq!(walk(Kind::Trade, 7), walk(Kind::Trade, 7));
        assert_ne!(walk(Kind::Trade, 7), walk(Kind::Trade, 8));
    }
}
