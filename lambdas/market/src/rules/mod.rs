//! Alert rules: the document, its validation, and what fires.
//!
//! Processing and notification both call [`evaluate`] on the same [`Facts`]; `opsctl` and the functions share
//! [`RulesDocument::parse`]. The document, version 1, denies unknown fields:
//!
//! | field of a rule | | default |
//! |---|---|---|
//! | `id` | `[a-z0-9-]{1,64}`, unique | required |
//! | `severity` | `critical`, `warning`, `info` | required |
//! | `symbols` | 1 to 50 patterns, `*` for any number of characters | required |
//! | `condition` | by `kind`, see below | required |
//! | `event_types` | `trade`, `quote`, `bar` | all |
//! | `description` | at most 200 characters, no control characters | empty |
//! | `enabled` | | true |
//! | `cooldown_seconds` | 0 (every event is an alert) to 604800, by event time | 300 |
//! | `send_on_replay` | alert on an archive replay's events, too | false |
//!
//! | `kind` | fields | fires when |
//! |---|---|---|
//! | `price_above`, `price_below` | `threshold`, `trigger`: `crossing` (default) or `level` | the price is beyond it and, for a crossing, the previous price of the rule's event types was not |
//! | `move` | `percent`, `direction`: `up`, `down`, `either` (default), `window_seconds` 1 to 86400 | the price moved at least so far since the window's oldest |
//! | `volatility_above` | `threshold`, a fraction | the annualised volatility is above it |
//! | `return_zscore`, `volume_zscore` | `threshold` | the z-score (a return's to either side) is at least that |
//! | `spread_above` | `bps` | the quote's spread is above it |
//! | `crossed_for` | `seconds` 0 to 86400 | the quotes are crossed for at least so long, as far as the window shows |
//! | `tag` | `tag` | a business rule gave the event that [tag](crate::business::Tag) |
//!
//! ```
//! use market::rules::RulesDocument;
//!
//! let document = RulesDocument::parse(
//!     r#"{"version": 1, "rules": [
//!         {"id": "btc-above-100k", "severity": "critical", "symbols": ["BTC*"], "event_types": ["trade"],
//!          "condition": {"kind": "price_above", "threshold": "100000"}}
//!     ]}"#,
//! )?;
//! assert_eq!(document.rules[0].cooldown_seconds, 300);
//!
//! let error = RulesDocument::parse(r#"{"version": 1, "rules": [{"id": "Loud", "severity": "high"}]}"#).unwrap_err();
//! let fields: Vec<&str> = error.faults.iter().map(|fault| fault.field.as_str()).collect();
//! assert_eq!(fields, ["rules[0].id", "rules[0].severity", "rules[0].symbols", "rules[0].condition"]);
//! # Ok::<(), market::rules::InvalidRules>(())
//! ```

mod cooldown;
mod document;
mod evaluate;
mod facts;
mod measure;
mod parse;
mod pattern;

pub use crate::identifier::RuleId;
pub use cooldown::{Cooldown, cooldown_key};
pub use document::{Condition, ConditionKind, Direction, Rule, RulesDocument, Severity, Trigger};
pub use evaluate::{Firing, evaluate};
pub use facts::{Facts, PricePoint, References, references, required_windows};
pub use parse::{
    DEFAULT_COOLDOWN_SECONDS, InvalidRules, MAX_COOLDOWN_SECONDS, MAX_DESCRIPTION_CHARS, MAX_RULES, MAX_SYMBOLS,
    MAX_WINDOW_SECONDS,
};
pub use pattern::SymbolPattern;
