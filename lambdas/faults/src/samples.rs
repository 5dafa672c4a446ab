//! Events and rules to begin with.

use serde_json::{Value, json};

use crate::World;

/// Two rules for a price above 100: one with a cool-down, one that tells about each event. Levels, so that what fires does
/// not depend on the order of events.
pub const RULES: &str = r#"{"version":1,"rules":[
  {"id":"above-100","enabled":true,"severity":"critical","symbols":["*"],"cooldown_seconds":300,
   "condition":{"kind":"price_above","threshold":"100","trigger":"level"}},
  {"id":"above-110","enabled":true,"severity":"info","symbols":["*"],"cooldown_seconds":0,
   "condition":{"kind":"price_above","threshold":"110","trigger":"level"}}]}"#;

/// A world some minutes after the events of [`trade`].
pub fn world() -> World {
    World::new(RULES, "2021-01-08T00:03:00Z".parse().expect("a time"))
}

/// A trade of BTCUSDT in the given second of 2021-01-08T00:00.
pub fn trade(event_id: &str, second: u32, price: &str) -> Value {
    json!({
        "event_id": event_id, "event_type": "trade", "symbol": "BTCUSDT", "price": price, "size": "0.5",
        "timestamp": format!("2021-01-08T00:00:{second:02}.250Z")
    })
}
