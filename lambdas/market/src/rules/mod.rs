//! Alert rules: the document, its validation, and what fires.

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
