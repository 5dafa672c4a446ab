//! Which dead letters are meant: the selectors that every command on them shares.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use market::identifier::Symbol;
use market::rules::SymbolPattern;
use serde::{Serialize, Serializer};

use crate::aws::dead_letters::DeadLetter;
use crate::invocation::quoted;
use crate::when::{self, WhenError};

/// Selectors. Of each that is given a letter must meet one value, and it must meet all that are given; without any,
/// every letter is meant. `--limit` is for whoever counts: [`Selectors::matches`] looks at one letter alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Args)]
#[command(next_help_heading = "Which letters")]
pub struct Selectors {
    /// Of this cause: its code (VALIDATION, 200 …) or its origin: rejected, lambda, `event_bridge`, unknown [repeatable]
    #[arg(long, value_name = "CODE")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cause: Vec<String>,

    /// Of this symbol; `*` stands for any characters [repeatable]
    #[arg(long, value_name = "SYMBOL")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub symbol: Vec<String>,

    /// Of this type of event: trade, quote, bar, or whatever the event calls itself [repeatable]
    #[arg(long = "type", value_name = "TYPE")]
    #[serde(rename = "type", skip_serializing_if = "Vec::is_empty")]
    pub event_type: Vec<String>,

    /// In the queue for longer than this: `10m`, `2h`, `1d`
    #[arg(long, value_name = "AGE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub older_than: Option<Age>,

    /// In the queue for less than this
    #[arg(long, value_name = "AGE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newer_than: Option<Age>,

    /// With this text in the body or the reason, in whatever case
    #[arg(long = "match", value_name = "TEXT")]
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,

    /// With this message id or event id [repeatable]
    #[arg(long, value_name = "ID")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub id: Vec<String>,

    /// At most so many
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

impl Selectors {
    /// True when nothing is left out, whatever the limit.
    pub fn selects_all(&self) -> bool {
        Self { limit: None, ..self.clone() } == Self::default()
    }

    /// Whether the letter is meant, `now`. A letter of which something asked for is not known is not.
    pub fn matches(&self, letter: &DeadLetter, now: Timestamp) -> bool {
        let age = letter.sent_at.map(|sent_at| now.duration_since(sent_at));
        any(&self.cause, |cause| {
            cause.eq_ignore_ascii_case(&letter.code) || cause.eq_ignore_ascii_case(letter.origin.as_str())
        }) && any(&self.symbol, |symbol| letter.symbol.as_deref().is_some_and(|found| is_symbol(symbol, found)))
            && any(&self.event_type, |wanted| {
                letter.event_type.as_deref().is_some_and(|found| found.eq_ignore_ascii_case(wanted))
            })
            && self.older_than.is_none_or(|least| age.is_some_and(|age| age > least.0))
            && self.newer_than.is_none_or(|most| age.is_some_and(|age| age < most.0))
            && self.text.as_ref().is_none_or(|text| contains(letter, text))
            && any(&self.id, |id| *id == letter.message_id || letter.event_id.as_ref() == Some(id))
    }
}

/// The selectors as they are given on a command line; nothing when there are none.
impl fmt::Display for Selectors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cause, symbol, event_type, id) = (&self.cause, &self.symbol, &self.event_type, &self.id);
        let lists = [("cause", cause), ("symbol", symbol), ("type", event_type), ("id", id)];
        let lists =
            lists.into_iter().flat_map(|(option, values)| values.iter().map(move |value| (option, value.clone())));
        let single = [
            ("older-than", self.older_than.map(|age| age.to_string())),
            ("newer-than", self.newer_than.map(|age| age.to_string())),
            ("match", self.text.clone()),
            ("limit", self.limit.map(|limit| limit.to_string())),
        ];
        let single = single.into_iter().filter_map(|(option, value)| Some((option, value?)));
        let words: Vec<_> =
            lists.chain(single).map(|(option, value)| format!("--{option} {}", quoted(&value))).collect();
        formatter.write_str(&words.join(" "))
    }
}

fn any(wanted: &[String], meets: impl Fn(&String) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(meets)
}

/// Rejected letters may have symbols that are none, so the text itself counts too.
fn is_symbol(wanted: &str, found: &str) -> bool {
    let pattern = || Some(SymbolPattern::new(wanted).ok()?.matches(&Symbol::new(found).ok()?));
    wanted == found || pattern() == Some(true)
}

fn contains(letter: &DeadLetter, text: &str) -> bool {
    let text = text.to_lowercase();
    let attributes = letter.attributes.values().map(|attribute| &attribute.value);
    [&letter.body, &letter.message, &letter.code]
        .into_iter()
        .chain(attributes)
        .any(|it| it.to_lowercase().contains(&text))
}

/// A length of time that is not negative: `90s`, `10m`, `2h 30m`, `1d`. A day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age(pub SignedDuration);

impl FromStr for Age {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        when::duration(text).map(Self)
    }
}

impl fmt::Display for Age {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:#}", self.0)
    }
}

impl Serialize for Age {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::aws::dead_letters::samples::rejected;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        selectors: Selectors,
    }

    fn selectors(line: &str) -> Selectors {
        Line::try_parse_from(std::iter::once("line").chain(line.split_whitespace())).unwrap().selectors
    }

    /// The letter came ten minutes before.
    fn selects(line: &str) -> bool {
        let letter = rejected("e1", "VALIDATION", "price: must be greater than 0, not -1");
        let now = letter.sent_at.unwrap() + SignedDuration::from_mins(10);
        selectors(line).matches(&letter, now)
    }

    #[test]
    fn each_selector_selects() {
        for (line, expected) in [
            ("", true),
            ("--limit 3", true),
            ("--cause validation", true),
            ("--cause rejected", true),
            ("--cause 200", false),
            ("--cause 200 --cause VALIDATION", true),
            ("--symbol BTCUSDT", true),
            ("--symbol BTC*", true),
            ("--symbol ETH*", false),
            ("--type trade", true),
            ("--type quote", false),
            ("--older-than 9m", true),
            ("--older-than 10m", false),
            ("--newer-than 11m", true),
            ("--newer-than 10m", false),
            ("--match GREATER", true),
            ("--match less", false),
            ("--id m-e1", true),
            ("--id e1", true),
            ("--id e", false),
            ("--cause VALIDATION --symbol ETH*", false),
            ("--cause VALIDATION --symbol BTC* --older-than 1m --newer-than 1d", true),
        ] {
            assert_eq!(selects(line), expected, "{line}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_selected() {
        let mut letter = rejected("e1", "VALIDATION", "");
        let now = letter.sent_at.unwrap();
        (letter.sent_at, letter.symbol, letter.event_type) = (None, None, None);
        for line in ["--older-than 0s", "--newer-than 1d", "--symbol *", "--type trade"] {
            assert!(!selectors(line).matches(&letter, now), "{line}");
        }
        letter.symbol = Some("not a symbol".to_owned());
        let odd = Selectors { symbol: vec!["not a symbol".to_owned()], ..Selectors::default() };
        assert!(odd.matches(&letter, now), "a rejected event's symbol need not be one");
    }

    #[test]
    fn only_the_limit_leaves_all_selected() {
        assert!(selectors("--limit 3").selects_all());
        assert!(!selectors("--id x").selects_all());
    }

    #[test]
    fn selectors_are_written_as_they_are_given() {
        let line = r"--cause 200 --symbol 'BTC*' --id e1 --older-than '1h 30m' --match 'it'\''s' --limit 5";
        let given = Selectors {
            cause: vec!["200".to_owned()],
            symbol: vec!["BTC*".to_owned()],
            id: vec!["e1".to_owned()],
            older_than: Some("90m".parse().unwrap()),
            text: Some("it's".to_owned()),
            limit: Some(5),
            ..Selectors::default()
        };
        assert_eq!(given.to_string(), line);
        assert_eq!(Selectors::default().to_string(), "");
    }

    #[test]
    fn ages_are_lengths_of_time() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("2h 30m", 9_000), ("1d", 86_400)] {
            assert_eq!(text.parse(), Ok(Age(SignedDuration::from_secs(seconds))), "{text}");
        }
        for text in ["", "10", "soon", "-5m", "1mo", "5m ago"] {
            assert!(text.parse::<Age>().is_err(), "{text}");
        }
    }
}
