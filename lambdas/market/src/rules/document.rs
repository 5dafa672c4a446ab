use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};

use super::pattern::SymbolPattern;
use crate::{business::Tag, decimal, event::EventType, identifier::RuleId};

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
}

impl Severity {
    /// `info`, `warning`, `critical`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// When a price rule fires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The price is beyond the threshold and the previous one was not.
    #[default]
    Crossing,
    /// The price is beyond the threshold.
    Level,
}

impl Trigger {
    /// `crossing`, `level`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Crossing => "crossing",
            Self::Level => "level",
        }
    }
}

/// Which moves count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Rises.
    Up,
    /// Falls.
    Down,
    /// Both.
    #[default]
    Either,
}

impl Direction {
    /// `up`, `down`, `either`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Either => "either",
        }
    }
}

/// Which condition, without its limits: the `kind` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionKind {
    /// [`Condition::PriceAbove`].
    PriceAbove,
    /// [`Condition::PriceBelow`].
    PriceBelow,
    /// [`Condition::Move`].
    Move,
    /// [`Condition::VolatilityAbove`].
    VolatilityAbove,
    /// [`Condition::ReturnZscore`].
    ReturnZscore,
    /// [`Condition::VolumeZscore`].
    VolumeZscore,
    /// [`Condition::SpreadAbove`].
    SpreadAbove,
    /// [`Condition::CrossedFor`].
    CrossedFor,
    /// [`Condition::Tag`].
    Tag,
}

impl ConditionKind {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::PriceAbove,
        Self::PriceBelow,
        Self::Move,
        Self::VolatilityAbove,
        Self::ReturnZscore,
        Self::VolumeZscore,
        Self::SpreadAbove,
        Self::CrossedFor,
        Self::Tag,
    ];

    /// The text in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PriceAbove => "price_above",
            Self::PriceBelow => "price_below",
            Self::Move => "move",
            Self::VolatilityAbove => "volatility_above",
            Self::ReturnZscore => "return_zscore",
            Self::VolumeZscore => "volume_zscore",
            Self::SpreadAbove => "spread_above",
            Self::CrossedFor => "crossed_for",
            Self::Tag => "tag",
        }
    }
}

impl fmt::Display for ConditionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What must hold for a rule to fire. "Above" and "below" are strict, all other limits are reached when equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The reference price is above the threshold.
    PriceAbove {
        /// The limit, a price.
        threshold: Decimal,
        /// On the crossing or on every event beyond it.
        trigger: Trigger,
    },
    /// The reference price is below the threshold.
    PriceBelow {
        /// The limit, a price.
        threshold: Decimal,
        /// On the crossing or on every event beyond it.
        trigger: Trigger,
    },
    /// The reference price moved by at least so many percent since the oldest price, of whatever type of event, that is not
    /// older than the window.
    Move {
        /// Least move in percent, greater than 0.
        percent: Decimal,
        /// Which moves count.
        direction: Direction,
        /// How far back, in seconds.
        window_seconds: u32,
    },
    /// The annualised realised volatility is above the threshold.
    VolatilityAbove {
        /// The limit as a fraction: 0.8 is 80 %.
        threshold: Decimal,
    },
    /// The return's z-score is at least so far from 0, to either side.
    ReturnZscore {
        /// Least distance, greater than 0.
        threshold: Decimal,
    },
    /// The volume's z-score is at least the threshold.
    VolumeZscore {
        /// Least z-score, greater than 0.
        threshold: Decimal,
    },
    /// The quote's spread is above so many basis points.
    SpreadAbove {
        /// The limit in basis points.
        bps: Decimal,
    },
    /// The quote is crossed, and so were all quotes before it for at least so long. What is known of earlier quotes is the
    /// window of the last N events: where N events pass in less time than asked for, the rule cannot fire. Trades and bars
    /// in between say nothing; a quote with an empty side ends the run.
    CrossedFor {
        /// Least duration in seconds.
        seconds: u32,
    },
    /// A business rule gave the event this tag.
    Tag {
        /// The tag.
        tag: Tag,
    },
}

impl Condition {
    /// Which one it is.
    pub fn kind(&self) -> ConditionKind {
        match self {
            Self::PriceAbove { .. } => ConditionKind::PriceAbove,
            Self::PriceBelow { .. } => ConditionKind::PriceBelow,
            Self::Move { .. } => ConditionKind::Move,
            Self::VolatilityAbove { .. } => ConditionKind::VolatilityAbove,
            Self::ReturnZscore { .. } => ConditionKind::ReturnZscore,
            Self::VolumeZscore { .. } => ConditionKind::VolumeZscore,
            Self::SpreadAbove { .. } => ConditionKind::SpreadAbove,
            Self::CrossedFor { .. } => ConditionKind::CrossedFor,
            Self::Tag { .. } => ConditionKind::Tag,
        }
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.kind().as_str())?;
        match self {
            Self::PriceAbove { threshold, trigger } | Self::PriceBelow { threshold, trigger } => {
                map.serialize_entry("threshold", &decimal::format(*threshold))?;
                map.serialize_entry("trigger", trigger.as_str())?;
            }
            Self::Move { percent, direction, window_seconds } => {
                map.serialize_entry("percent", &decimal::format(*percent))?;
                map.serialize_entry("direction", direction.as_str())?;
                map.serialize_entry("window_seconds", window_seconds)?;
            }
            Self::VolatilityAbove { threshold }
            | Self::ReturnZscore { threshold }
            | Self::VolumeZscore { threshold } => {
                map.serialize_entry("threshold", &decimal::format(*threshold))?;
            }
            Self::SpreadAbove { bps } => map.serialize_entry("bps", &decimal::format(*bps))?,
            Self::CrossedFor { seconds } => map.serialize_entry("seconds", seconds)?,
            Self::Tag { tag } => map.serialize_entry("tag", tag)?,
        }
        map.end()
    }
}

/// One alert rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its name, unique in the document.
    pub id: RuleId,
    /// What it is for; stands in the mail.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// A rule that is not enabled never fires.
    pub enabled: bool,
    /// How urgent.
    pub severity: Severity,
    /// Symbols that it looks at; at least one.
    pub symbols: Vec<SymbolPattern>,
    /// Types of event that it looks at; all when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub event_types: Vec<EventType>,
    /// What must hold.
    pub condition: Condition,
    /// For how long one alert stands for all; 0: every event that fires is an alert.
    pub cooldown_seconds: u32,
    /// Alert on events of an archive replay, too.
    pub send_on_replay: bool,
}

/// All alert rules, version 1 of the document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesDocument {
    /// The rules, in the document's order.
    pub rules: Vec<Rule>,
}

impl RulesDocument {
    /// Version of the document.
    pub const VERSION: u32 = 1;

    /// The rule of that name.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id.as_str() == id)
    }
}

impl Serialize for RulesDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("version", &Self::VERSION)?;
        map.serialize_entry("rules", &self.rules)?;
        map.end()
    }
}
