use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{
    document::{Condition, Direction, Rule, Trigger},
    facts::{Facts, PricePoint},
};
use crate::{
    business::Tag,
    decimal,
    indicators::{Measured, change},
    time,
};

/// A condition that holds, with what shows it.
pub(super) struct Hit {
    pub(super) value: Option<Decimal>,
    pub(super) threshold: Option<Decimal>,
    pub(super) unit: &'static str,
    pub(super) message: String,
    pub(super) observations: u32,
    pub(super) since: Option<Timestamp>,
}

/// The rule's condition on the facts; `None` when it does not hold or cannot be measured.
pub(super) fn measure(rule: &Rule, facts: &Facts<'_>) -> Option<Hit> {
    let indicators = &facts.enrichment.indicators;
    match &rule.condition {
        Condition::PriceAbove { threshold, trigger } => price(rule, facts, *threshold, *trigger, Side::Above),
        Condition::PriceBelow { threshold, trigger } => price(rule, facts, *threshold, *trigger, Side::Below),
        Condition::Move { percent, direction, window_seconds } => {
            price_move(facts, *percent, *direction, *window_seconds)
        }
        Condition::VolatilityAbove { threshold } => {
            let found = indicators.annualised_volatility.filter(|found| found.value > *threshold)?;
            Some(statistic(facts, found, *threshold, "per year", "annualised volatility", "above"))
        }
        Condition::ReturnZscore { threshold } => {
            let found = indicators.return_zscore.filter(|found| found.value.abs() >= *threshold)?;
            Some(statistic(facts, found, *threshold, DEVIATIONS, "return z-score", "off 0 by at least"))
        }
        Condition::VolumeZscore { threshold } => {
            let found = indicators.volume_zscore.filter(|found| found.value >= *threshold)?;
            Some(statistic(facts, found, *threshold, DEVIATIONS, "volume z-score", "at least"))
        }
        Condition::SpreadAbove { bps } => {
            let found = indicators.spread_bps.filter(|found| found.value > *bps)?;
            let hit = statistic(facts, found, *bps, "bps", "spread in bps", "above");
            Some(Hit { since: Some(facts.event.timestamp), ..hit })
        }
        Condition::CrossedFor { seconds } => crossed_for(facts, *seconds),
        Condition::Tag { tag } => tagged(facts, *tag),
    }
}

const DEVIATIONS: &str = "standard deviations";

#[derive(Clone, Copy)]
enum Side {
    Above,
    Below,
}

impl Side {
    fn is_beyond(self, price: Decimal, threshold: Decimal) -> bool {
        match self {
            Self::Above => price > threshold,
            Self::Below => price < threshold,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
        }
    }
}

fn price(rule: &Rule, facts: &Facts<'_>, threshold: Decimal, trigger: Trigger, side: Side) -> Option<Hit> {
    let value = facts.event.reference_price().filter(|price| side.is_beyond(*price, threshold))?;
    let previous = match trigger {
        Trigger::Level => None,
        // Decided before anything is written: beyond a threshold most events have crossed nothing.
        Trigger::Crossing => {
            Some(previous_price(rule, facts).filter(|previous| !side.is_beyond(previous.price, threshold))?)
        }
    };
    let (shown, limit) = (decimal::format(value), decimal::format(threshold));
    let (symbol, side) = (&facts.event.symbol, side.name());
    let message = match previous {
        None => format!("{symbol} price {shown} is {side} {limit}"),
        Some(previous) => {
            format!("{symbol} price {shown} crossed {side} {limit}; before: {}", decimal::format(previous.price))
        }
    };
    Some(Hit {
        value: Some(value),
        threshold: Some(threshold),
        unit: "price",
        message,
        observations: if previous.is_some() { 2 } else { 1 },
        since: Some(previous.map_or(facts.event.timestamp, |previous| previous.timestamp)),
    })
}

/// The latest earlier price among the types of event that the rule looks at. Only those: a rule for trades would miss its
/// crossing if a quote in between, which it does not look at, had crossed first.
fn previous_price(rule: &Rule, facts: &Facts<'_>) -> Option<PricePoint> {
    let previous = facts.references.previous.iter();
    previous
        .filter(|(kind, _)| rule.event_types.is_empty() || rule.event_types.contains(kind))
        .map(|(_, point)| *point)
        .max_by_key(|point| point.timestamp)
}

fn price_move(facts: &Facts<'_>, percent: Decimal, direction: Direction, window_seconds: u32) -> Option<Hit> {
    let now = facts.event.reference_price()?;
    let then = facts.references.moves.get(&window_seconds)?;
    let moved = change(then.price, now, 2)?.percent;
    let counts = match direction {
        Direction::Up => moved >= percent,
        Direction::Down => moved <= -percent,
        Direction::Either => moved.abs() >= percent,
    };
    let word = if moved.is_sign_negative() { "fell" } else { "rose" };
    counts.then(|| Hit {
        value: Some(moved),
        threshold: Some(percent),
        unit: "%",
        message: format!(
            "{} {word} {} % within {window_seconds} s, from {} to {}; limit {} %",
            facts.event.symbol,
            shown(moved.abs()),
            decimal::format(then.price),
            decimal::format(now),
            decimal::format(percent),
        ),
        observations: 2,
        since: Some(then.timestamp),
    })
}

fn statistic(
    facts: &Facts<'_>,
    found: Measured,
    limit: Decimal,
    unit: &'static str,
    name: &str,
    relation: &str,
) -> Hit {
    Hit {
        value: Some(found.value),
        threshold: Some(limit),
        unit,
        message: format!(
            "{} {name} {} is {relation} {}",
            facts.event.symbol,
            shown(found.value),
            decimal::format(limit)
        ),
        observations: found.observations,
        since: facts.enrichment.window.first_timestamp,
    }
}

fn crossed_for(facts: &Facts<'_>, seconds: u32) -> Option<Hit> {
    let since = facts.references.crossed_since?;
    let micros = facts.event.timestamp.as_microsecond().checked_sub(since.as_microsecond())?;
    let elapsed = Decimal::try_new(micros, 6).ok()?.normalize();
    let limit = Decimal::from(seconds);
    (elapsed >= limit).then(|| Hit {
        value: Some(elapsed),
        threshold: Some(limit),
        unit: "s",
        message: format!(
            "{} quotes are crossed for {elapsed} s, since {}; limit {seconds} s",
            facts.event.symbol,
            time::format(since)
        ),
        observations: facts.references.crossed_quotes,
        since: Some(since),
    })
}

fn tagged(facts: &Facts<'_>, tag: Tag) -> Option<Hit> {
    facts.tags.contains(&tag).then(|| Hit {
        value: None,
        threshold: None,
        unit: "",
        message: format!("{} is tagged {tag}", facts.event.symbol),
        observations: facts.enrichment.window.count,
        since: facts.enrichment.window.first_timestamp,
    })
}

/// For reading: six significant digits. The exact value stands beside it.
fn shown(value: Decimal) -> String {
    decimal::format(value.round_sf(6).unwrap_or(value))
}
