use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    cooldown::{Cooldown, cooldown_key},
    document::{ConditionKind, Rule, RulesDocument, Severity},
    facts::Facts,
    measure::{Hit, measure},
};
use crate::{decimal, event::MarketEvent, identifier::RuleId, time};

/// A rule that fires for an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firing {
    /// Which rule.
    pub rule_id: RuleId,
    /// What the rule is for, in its author's words; may be empty.
    pub description: String,
    /// How urgent.
    pub severity: Severity,
    /// Which kind of condition holds.
    pub kind: ConditionKind,
    /// What was measured, in `unit`; none for a tag.
    #[serde(default, with = "decimal::as_number_option", skip_serializing_if = "Option::is_none")]
    pub value: Option<Decimal>,
    /// The rule's limit, in `unit`; none for a tag.
    #[serde(default, with = "decimal::as_number_option", skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Decimal>,
    /// Unit of `value` and `threshold`: `price`, `%`, `per year`, `standard deviations`, `bps`, `s`; empty for a tag.
    pub unit: String,
    /// One sentence: what, value, threshold.
    pub message: String,
    /// How many observations the value stands on.
    pub observations: u32,
    /// Time of the oldest observation that the value stands on, when known.
    #[serde(default, with = "time::six_digits_option", skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The rule's cool-down.
    pub cooldown_seconds: u32,
    /// The rule alerts on replayed events, too.
    pub send_on_replay: bool,
}

impl Firing {
    /// The cool-down that this firing for `event` falls into.
    pub fn cooldown(&self, event: &MarketEvent) -> Cooldown {
        cooldown_key(&self.rule_id, self.cooldown_seconds, event)
    }
}

impl Rule {
    /// The rule is enabled and looks at events of this type and symbol.
    pub fn applies_to(&self, event: &MarketEvent) -> bool {
        self.enabled
            && (self.event_types.is_empty() || self.event_types.contains(&event.event_type()))
            && self.symbols.iter().any(|pattern| pattern.matches(&event.symbol))
    }
}

/// The rules that fire, in the document's order. What cannot be measured does not fire: no price, too few observations, no
/// earlier price to have crossed from.
pub fn evaluate(document: &RulesDocument, facts: &Facts<'_>) -> Vec<Firing> {
    let looking = document.rules.iter().filter(|rule| rule.applies_to(facts.event));
    looking.filter_map(|rule| Some(firing(rule, measure(rule, facts)?))).collect()
}

fn firing(rule: &Rule, hit: Hit) -> Firing {
    Firing {
        rule_id: rule.id.clone(),
        description: rule.description.clone(),
        severity: rule.severity,
        kind: rule.condition.kind(),
        value: hit.value,
        threshold: hit.threshold,
        unit: hit.unit.to_owned(),
        message: hit.message,
        observations: hit.observations,
        since: hit.since,
        cooldown_seconds: rule.cooldown_seconds,
        send_on_replay: rule.send_on_replay,
    }
}
