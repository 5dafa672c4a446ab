use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::{
    document::{Condition, ConditionKind, Direction, Rule, RulesDocument, Severity, Trigger},
    pattern::SymbolPattern,
};
use crate::{
    business::Tag,
    event::{EventType, Fields},
    fault::{Fault, FaultCode, quote, type_name},
    identifier::RuleId,
};

/// Most rules in a document.
pub const MAX_RULES: usize = 100;
/// Most symbol patterns of one rule.
pub const MAX_SYMBOLS: usize = 50;
/// Most characters of a description.
pub const MAX_DESCRIPTION_CHARS: usize = 200;
/// Longest cool-down: 7 days.
pub const MAX_COOLDOWN_SECONDS: u32 = 7 * 24 * 3600;
/// Cool-down of a rule that names none: 5 minutes.
pub const DEFAULT_COOLDOWN_SECONDS: u32 = 300;
/// Longest window of a move, and longest crossing that can be asked for: 1 day.
pub const MAX_WINDOW_SECONDS: u32 = 24 * 3600;

/// A rules document that cannot be used, with every fault. Paths look like `rules[2].condition.threshold`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the rules document has {} fault(s); the first: {}", .faults.len(), .faults.first().map(ToString::to_string).unwrap_or_default())]
pub struct InvalidRules {
    /// Everything that is wrong; at least one.
    pub faults: Vec<Fault>,
}

impl RulesDocument {
    /// Reads and validates a document. Any text gives a verdict, never a panic.
    pub fn parse(text: &str) -> Result<Self, InvalidRules> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let fault = Fault::new("", FaultCode::NotJson, format!("is not JSON: {error}"));
            InvalidRules { faults: vec![fault] }
        })?;
        Self::from_json(&value)
    }

    /// Validates a document that is JSON already.
    pub fn from_json(value: &Value) -> Result<Self, InvalidRules> {
        let Value::Object(object) = value else {
            let fault = Fault::new("", FaultCode::WrongType, format!("must be an object, not {}", type_name(value)));
            return Err(InvalidRules { faults: vec![fault] });
        };
        let mut fields = Fields::new(object);
        fields.only(&["version", "rules"]);
        if let Some(version) = fields.require("version")
            && version.as_u64() != Some(u64::from(Self::VERSION))
        {
            let message = format!("must be {}, not {}", Self::VERSION, quote(&version.to_string()));
            fields.fault("version", FaultCode::UnknownVersion, message);
        }
        let items = fields.require("rules").and_then(|_| fields.list("rules", 0..=MAX_RULES)).unwrap_or_default();
        let mut faults = fields.faults;
        let mut ids = BTreeSet::new();
        let mut rules = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let path = format!("rules[{index}]");
            let Value::Object(object) = item else {
                let message = format!("must be an object, not {}", type_name(item));
                faults.push(Fault::new(path, FaultCode::WrongType, message));
                continue;
            };
            let mut fields = Fields::below(object, &path);
            let rule = read_rule(&mut fields, &path);
            if let Some(id) = object.get("id").and_then(Value::as_str)
                && !ids.insert(id)
            {
                fields.fault("id", FaultCode::Duplicate, format!("{} is the id of an earlier rule", quote(id)));
            }
            faults.append(&mut fields.faults);
            rules.extend(rule);
        }
        if faults.is_empty() { Ok(Self { rules }) } else { Err(InvalidRules { faults }) }
    }
}

impl<'de> Deserialize<'de> for RulesDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Every way out has either a rule or a fault.
fn read_rule(fields: &mut Fields<'_>, path: &str) -> Option<Rule> {
    fields.only(&[
        "id",
        "description",
        "enabled",
        "severity",
        "symbols",
        "event_types",
        "condition",
        "cooldown_seconds",
        "send_on_replay",
    ]);
    let id = fields.required_text("id").and_then(|text| fields.checked("id", text, RuleId::new));
    let description = fields.text("description").unwrap_or_default();
    if description.chars().nth(MAX_DESCRIPTION_CHARS).is_some() || description.chars().any(char::is_control) {
        let message = format!("must be at most {MAX_DESCRIPTION_CHARS} characters, none of them a control character");
        fields.fault("description", FaultCode::BadFormat, message);
    }
    let enabled = fields.boolean("enabled").unwrap_or(true);
    let severities = [Severity::Critical, Severity::Warning, Severity::Info].map(|known| (known.as_str(), known));
    let severity = fields.require("severity").and_then(|_| fields.choice("severity", &severities));
    let symbols = read_symbols(fields, path);
    let event_types = read_event_types(fields, path);
    let condition = fields.require("condition").and_then(|value| {
        let Value::Object(object) = value else {
            let message = format!("must be an object, not {}", type_name(value));
            fields.fault("condition", FaultCode::WrongType, message);
            return None;
        };
        let mut inner = Fields::below(object, &format!("{path}.condition"));
        let condition = read_condition(&mut inner);
        fields.faults.append(&mut inner.faults);
        condition
    });
    if let Some(condition) = &condition {
        check_reachable(fields, condition, &event_types);
    }
    let cooldown_seconds =
        fields.seconds("cooldown_seconds", 0..=MAX_COOLDOWN_SECONDS).unwrap_or(DEFAULT_COOLDOWN_SECONDS);
    let send_on_replay = fields.boolean("send_on_replay").unwrap_or(false);
    Some(Rule {
        id: id?,
        description: description.to_owned(),
        enabled,
        severity: severity?,
        symbols,
        event_types,
        condition: condition?,
        cooldown_seconds,
        send_on_replay,
    })
}

fn read_symbols(fields: &mut Fields<'_>, path: &str) -> Vec<SymbolPattern> {
    let items = fields.require("symbols").and_then(|_| fields.list("symbols", 1..=MAX_SYMBOLS)).unwrap_or_default();
    let mut symbols = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        if let Some(Ok(pattern)) = item.as_str().map(SymbolPattern::new) {
            symbols.push(pattern);
        } else {
            let message = format!("must be {}, not {}", SymbolPattern::RULE, quote(&plain(item)));
            fields.faults.push(Fault::new(format!("{path}.symbols[{index}]"), FaultCode::BadFormat, message));
        }
    }
    symbols
}

fn read_event_types(fields: &mut Fields<'_>, path: &str) -> Vec<EventType> {
    let items = fields.list("event_types", 1..=EventType::ALL.len()).unwrap_or_default();
    let mut types = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let field = || format!("{path}.event_types[{index}]");
        match item.as_str().and_then(|text| text.parse::<EventType>().ok()) {
            Some(kind) if types.contains(&kind) => {
                fields.faults.push(Fault::new(field(), FaultCode::Duplicate, format!("{kind} stands there already")));
            }
            Some(kind) => types.push(kind),
            None => {
                let message = format!("must be trade or quote or bar, not {}", quote(&plain(item)));
                fields.faults.push(Fault::new(field(), FaultCode::UnknownValue, message));
            }
        }
    }
    types
}

/// A text without its quotes, anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn read_condition(fields: &mut Fields<'_>) -> Option<Condition> {
    let kinds: Vec<_> = ConditionKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
    let kind = fields.require("kind").and_then(|_| fields.choice("kind", &kinds))?;
    match kind {
        ConditionKind::PriceAbove | ConditionKind::PriceBelow => {
            fields.only(&["kind", "threshold", "trigger"]);
            let threshold = fields.positive("threshold");
            let triggers = [Trigger::Crossing, Trigger::Level].map(|known| (known.as_str(), known));
            let trigger = fields.choice("trigger", &triggers).unwrap_or_default();
            let threshold = threshold?;
            Some(match kind {
                ConditionKind::PriceAbove => Condition::PriceAbove { threshold, trigger },
                _ => Condition::PriceBelow { threshold, trigger },
            })
        }
        ConditionKind::Move => {
            fields.only(&["kind", "percent", "direction", "window_seconds"]);
            let percent = fields.positive("percent");
            let directions = [Direction::Up, Direction::Down, Direction::Either].map(|known| (known.as_str(), known));
            let direction = fields.choice("direction", &directions).unwrap_or_default();
            let window_seconds =
                fields.require("window_seconds").and_then(|_| fields.seconds("window_seconds", 1..=MAX_WINDOW_SECONDS));
            if direction == Direction::Down && percent.is_some_and(|percent| percent > Decimal::ONE_HUNDRED) {
                fields.fault("percent", FaultCode::OutOfRange, "must be at most 100: no price falls further");
            }
            Some(Condition::Move { percent: percent?, direction, window_seconds: window_seconds? })
        }
        ConditionKind::VolatilityAbove | ConditionKind::ReturnZscore | ConditionKind::VolumeZscore => {
            fields.only(&["kind", "threshold"]);
            let threshold = fields.positive("threshold")?;
            Some(match kind {
                ConditionKind::VolatilityAbove => Condition::VolatilityAbove { threshold },
                ConditionKind::ReturnZscore => Condition::ReturnZscore { threshold },
                _ => Condition::VolumeZscore { threshold },
            })
        }
        ConditionKind::SpreadAbove => {
            fields.only(&["kind", "bps"]);
            Some(Condition::SpreadAbove { bps: fields.positive("bps")? })
        }
        ConditionKind::CrossedFor => {
            fields.only(&["kind", "seconds"]);
            let seconds = fields.require("seconds").and_then(|_| fields.seconds("seconds", 0..=MAX_WINDOW_SECONDS))?;
            Some(Condition::CrossedFor { seconds })
        }
        ConditionKind::Tag => {
            fields.only(&["kind", "tag"]);
            let tags: Vec<_> = Tag::ALL.iter().map(|tag| (tag.as_str(), *tag)).collect();
            let tag = fields.require("tag").and_then(|_| fields.choice("tag", &tags))?;
            Some(Condition::Tag { tag })
        }
    }
}

/// A rule that could never fire is a mistake that nobody would notice.
fn check_reachable(fields: &mut Fields<'_>, condition: &Condition, event_types: &[EventType]) {
    let needed: &[EventType] = match condition {
        Condition::SpreadAbove { .. }
        | Condition::CrossedFor { .. }
        | Condition::Tag { tag: Tag::SpreadWide | Tag::Crossed | Tag::Locked } => &[EventType::Quote],
        Condition::VolumeZscore { .. } | Condition::Tag { tag: Tag::VolumeSpike } => {
            &[EventType::Trade, EventType::Bar]
        }
        _ => return,
    };
    if !event_types.is_empty() && !event_types.iter().any(|kind| needed.contains(kind)) {
        let names: Vec<&str> = needed.iter().map(|kind| kind.as_str()).collect();
        let message = format!("the condition can only hold for {}: the rule would never fire", names.join(" or "));
        fields.fault("event_types", FaultCode::Inconsistent, message);
    }
}
