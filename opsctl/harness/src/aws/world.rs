//! The pipeline that the fake has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// What there is. By default all is well, and 60 events a minute come in.
#[derive(Debug)]
pub struct World {
    /// The stages by their names.
    pub stages: BTreeMap<&'static str, Stage>,
    /// The alarms that ring, and why.
    pub ringing: BTreeMap<String, String>,
    /// The alarms that do not exist.
    pub missing: BTreeSet<String>,
    /// So many events are stored, one a second, the latest now.
    pub stored: usize,
    /// So many events a second come in from now on.
    pub feed: f64,
    /// What stands in front of every event's id.
    pub prefix: String,
    started: Instant,
    since: Timestamp,
}

/// A stage.
#[derive(Debug)]
pub struct Stage {
    /// The letters in its dead letter queue.
    pub letters: Vec<Letter>,
    /// The environments reserved for it.
    pub reserved: u32,
    /// Whether its rule is on.
    pub rule_enabled: bool,
    /// What its metrics say, each minute the same: `Errors`, `Throttles` ….
    pub metrics: BTreeMap<&'static str, f64>,
}

/// A dead letter.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Its message id.
    pub id: String,
    /// Why it is there, in Lambda's words.
    pub why: String,
    /// When it came.
    pub at: Timestamp,
}

impl Default for Stage {
    fn default() -> Self {
        let metrics = [("Invocations", 60.0), ("Errors", 0.0), ("Throttles", 0.0), ("ConcurrentExecutions", 2.0)];
        let metrics = metrics.into_iter().chain([("AsyncEventAge", 12.0), ("DeadLetterErrors", 0.0)]);
        Self { letters: Vec::new(), reserved: 10, rule_enabled: true, metrics: metrics.collect() }
    }
}

impl Default for World {
    fn default() -> Self {
        let stages = ["ingestion", "processing", "notification"].map(|stage| (stage, Stage::default()));
        Self {
            stages: stages.into(),
            ringing: BTreeMap::new(),
            missing: BTreeSet::new(),
            stored: 50,
            feed: 0.0,
            prefix: "e".to_owned(),
            started: Instant::now(),
            since: Timestamp::now(),
        }
    }
}

impl World {
    /// A stage.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn stage(&mut self, name: &str) -> &mut Stage {
        self.stages.get_mut(name).expect("ingestion, processing or notification")
    }

    /// The stored events of that type in `DynamoDB`'s JSON, the latest first, as a Query answers that is given them.
    pub(super) fn events(&self, event_type: &str, after: &str, limit: usize) -> Vec<Value> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of events")]
        let fed = (self.started.elapsed().as_secs_f64() * self.feed) as usize;
        let total = self.stored + fed;
        // Every third is a quote, the others are trades.
        let wanted = |number: &usize| (number.is_multiple_of(3)) == (event_type == "quote") && event_type != "bar";
        let items = (0..total).rev().filter(wanted).map(|number| self.event(number));
        let later = |item: &Value| item["timestamp"]["S"].as_str().is_some_and(|at| at > after);
        items.take_while(later).take(limit).collect()
    }

    /// The event of that number; those that were stored before it started are a second apart.
    fn event(&self, number: usize) -> Value {
        let milliseconds = |seconds: f64| SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
        #[expect(clippy::cast_precision_loss, reason = "a count of events")]
        let offset = match number.checked_sub(self.stored) {
            Some(fed) => milliseconds((fed as f64 + 1.0) / self.feed),
            None => milliseconds(number as f64 - self.stored as f64),
        };
        let at = self.since.checked_add(offset).unwrap_or(self.since).strftime("%FT%T%.6fZ").to_string();
        let cents = 3_943_248 + (number * 37) % 900;
        let price = |cents: usize| json!({"N": format!("{}.{:02}", cents / 100, cents % 100)});
        let mut item = json!({
            "event_id": {"S": format!("{}{number:05}", self.prefix)},
            "timestamp": {"S": at},
            "event_type": {"S": if number.is_multiple_of(3) { "quote" } else { "trade" }},
            "symbol": {"S": "BTCUSDT"},
            "status": {"S": "PROCESSED"},
            "source": {"S": "marketdata.feed.binance"},
            "price": price(cents),
            "size": {"N": "0.25"},
            "received_at": {"S": at},
            "processed_at": {"S": at},
            "tags": {"L": []},
            "alert": {"BOOL": false},
        });
        if number.is_multiple_of(3) {
            item["bid"] = price(cents - 1);
            item["ask"] = price(cents + 1);
        }
        item
    }
}
