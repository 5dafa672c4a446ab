//! Rules in words, for tables and differences.

use market::decimal::format;
use market::rules::{Condition, Direction, Rule, SymbolPattern};

/// When the rule fires: `price above 100000, on crossing`.
pub fn condition(condition: &Condition) -> String {
    match condition {
        Condition::PriceAbove { threshold, trigger } => {
            format!("price above {}, on {}", format(*threshold), trigger.as_str())
        }
        Condition::PriceBelow { threshold, trigger } => {
            format!("price below {}, on {}", format(*threshold), trigger.as_str())
        }
        Condition::Move { percent, direction, window_seconds } => {
            let verb = match direction {
                Direction::Up => "rises",
                Direction::Down => "falls",
                Direction::Either => "moves",
            };
            format!("{verb} {} % in {window_seconds} s", format(*percent))
        }
        Condition::VolatilityAbove { threshold } => format!("volatility above {} a year", format(*threshold)),
        Condition::ReturnZscore { threshold } => format!("return z-score from {}", format(*threshold)),
        Condition::VolumeZscore { threshold } => format!("volume z-score from {}", format(*threshold)),
        Condition::SpreadAbove { bps } => format!("spread above {} bps", format(*bps)),
        Condition::CrossedFor { seconds } => format!("crossed for {seconds} s"),
        Condition::Tag { tag } => format!("tag {tag}"),
    }
}

/// What the rule looks at: `BTC* ETH* trade`.
pub fn scope(rule: &Rule) -> String {
    let mut words: Vec<&str> = rule.symbols.iter().map(SymbolPattern::as_str).collect();
    for event_type in &rule.event_types {
        words.push(event_type.as_str());
    }
    words.join(" ")
}
