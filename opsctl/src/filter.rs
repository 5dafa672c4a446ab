//! The filter language of events, the same on the screen and on the command line: `symbol:AAPL type:trade alert:yes`.
//!
//! Words apart by spaces must all hold. `field:value` asks one field; other words are looked for anywhere. `a,b` is
//! either of them, `*` stands for any characters, `-` in front turns a word around, `"…"` keeps spaces together. Case
//! does not matter.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::aws::events::StoredEvent;

/// What can be typed, for help.
pub const HELP: &str = "symbol:AAPL type:trade status:PROCESSED source:*binance id:… tag:price_spike alert:yes text; \
                        -word excludes, a,b is either, * is anything";

/// What can be asked of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Its id.
    Id,
    /// Its symbol.
    Symbol,
    /// `trade`, `quote` or `bar`.
    Type,
    /// `RECEIVED` or `PROCESSED`.
    Status,
    /// The feed that it came from.
    Source,
    /// What processing found unusual.
    Tag,
    /// `yes` when it raised an alert.
    Alert,
}

impl Field {
    const ALL: [(&'static str, Self); 7] = [
        ("id", Self::Id),
        ("symbol", Self::Symbol),
        ("type", Self::Type),
        ("status", Self::Status),
        ("source", Self::Source),
        ("tag", Self::Tag),
        ("alert", Self::Alert),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }
}

/// A filter for events. The empty one lets everything pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter(Vec<Term>);

/// One word of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    /// The field asked; none looks anywhere.
    field: Option<Field>,
    /// The values, any of which will do, in lower case. None for free text.
    values: Vec<String>,
    /// True when it must not hold.
    not: bool,
}

/// Text that is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The word before the colon is no field.
    #[error(
        "{0:?} is no field; there are id, symbol, type, status, source, tag and alert, and quotes for text with a colon"
    )]
    UnknownField(String),
    /// Nothing stands after the colon.
    #[error("{0}: wants a value, such as {0}:{1}")]
    NoValue(&'static str, &'static str),
    /// The value cannot be one of this field.
    #[error("{field}:{value} can never hold: {field} is {known}")]
    Impossible {
        /// The field.
        field: &'static str,
        /// What was asked for.
        value: String,
        /// What there is.
        known: &'static str,
    },
    /// A quote that does not end.
    #[error("a quote is not closed")]
    OpenQuote,
}

impl Filter {
    /// True when everything passes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True when the event passes.
    pub fn matches(&self, event: &StoredEvent) -> bool {
        self.0.iter().all(|term| term.holds(event) != term.not)
    }

    /// The symbol asked for when it can only be one, in upper case as events have it: it has an index.
    pub fn one_symbol(&self) -> Option<String> {
        let term = self.0.iter().find(|term| term.field == Some(Field::Symbol) && !term.not)?;
        match term.values.as_slice() {
            [symbol] if !symbol.contains('*') => Some(symbol.to_uppercase()),
            _ => None,
        }
    }

    /// The event types that can pass: each is a partition of an index.
    pub fn types(&self) -> Vec<&'static str> {
        let possible = |event_type: &str| {
            let asked = self.0.iter().filter(|term| term.field == Some(Field::Type));
            asked.into_iter().all(|term| term.values.iter().any(|value| glob(value, event_type)) != term.not)
        };
        TYPES.into_iter().filter(|event_type| possible(event_type)).collect()
    }
}

/// The event types.
const TYPES: [&str; 3] = ["trade", "quote", "bar"];

impl Term {
    fn holds(&self, event: &StoredEvent) -> bool {
        let any =
            |texts: &[&str]| texts.iter().any(|text| self.values.iter().any(|value| glob(value, &text.to_lowercase())));
        let Some(field) = self.field else { return self.found_in(event) };
        match field {
            Field::Id => any(&[&event.event_id]),
            Field::Symbol => any(&[&event.symbol]),
            Field::Type => any(&[&event.event_type]),
            Field::Status => any(&[&event.status]),
            Field::Source => any(&[event.source.as_deref().unwrap_or_default()]),
            Field::Tag => any(&event.tags.iter().map(String::as_str).collect::<Vec<_>>()),
            Field::Alert => any(&[if event.alert { "yes" } else { "no" }]),
        }
    }

    /// Free text: somewhere in what is shown of an event.
    fn found_in(&self, event: &StoredEvent) -> bool {
        let texts = [&event.event_id, &event.symbol, &event.event_type, &event.status, &event.timestamp]
            .into_iter()
            .chain(&event.source)
            .chain(&event.price)
            .chain(&event.tags);
        let mut texts = texts.map(|text| text.to_lowercase());
        texts.any(|text| self.values.iter().any(|value| glob(&format!("*{value}*"), &text)))
    }
}

/// True when `text` is as `pattern` says; `*` stands for any characters, also none.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        words(text)?.into_iter().map(|word| Term::parse(&word)).collect::<Result<_, _>>().map(Self)
    }
}

/// A word, and where the first quote in it stands: a colon after that is no field's.
struct Word {
    text: String,
    quoted_from: usize,
}

fn words(text: &str) -> Result<Vec<Word>, FilterError> {
    let mut words = Vec::new();
    let mut word = Word { text: String::new(), quoted_from: usize::MAX };
    let mut quoted = false;
    for character in text.chars() {
        match character {
            '"' => {
                quoted = !quoted;
                word.quoted_from = word.quoted_from.min(word.text.len());
            }
            space if space.is_whitespace() && !quoted => {
                let word = std::mem::replace(&mut word, Word { text: String::new(), quoted_from: usize::MAX });
                words.push(word);
            }
            other => word.text.push(other),
        }
    }
    if quoted {
        return Err(FilterError::OpenQuote);
    }
    words.push(word);
    words.retain(|word| !word.text.is_empty());
    Ok(words)
}

impl Term {
    fn parse(word: &Word) -> Result<Self, FilterError> {
        let (text, not) = match word.text.strip_prefix('-').filter(|rest| !rest.is_empty() && word.quoted_from > 0) {
            Some(rest) => (rest, true),
            None => (word.text.as_str(), false),
        };
        let quoted_from = word.quoted_from.saturating_sub(usize::from(not));
        let Some((name, value)) = text.split_once(':').filter(|(name, _)| name.len() < quoted_from) else {
            return Ok(Self { field: None, values: vec![text.to_lowercase()], not });
        };
        let field = Field::ALL.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, field)| *field);
        let field = field.ok_or_else(|| FilterError::UnknownField(name.to_owned()))?;
        let values: Vec<String> =
            value.split(',').filter(|value| !value.is_empty()).map(|value| field.canonical(value)).collect();
        if values.is_empty() {
            return Err(FilterError::NoValue(field.name(), field.example()));
        }
        let known = field.known();
        if let Some(value) =
            values.iter().find(|value| !known.is_empty() && !known.iter().any(|known| glob(value, known)))
        {
            let known = field.known_words();
            return Err(FilterError::Impossible { field: field.name(), value: value.clone(), known });
        }
        Ok(Self { field: Some(field), values, not })
    }
}

impl Field {
    /// A value as it is compared.
    fn canonical(self, value: &str) -> String {
        let value = value.to_lowercase();
        match (self, value.as_str()) {
            (Self::Alert, "true" | "1" | "y") => "yes".to_owned(),
            (Self::Alert, "false" | "0" | "n") => "no".to_owned(),
            _ => value,
        }
    }

    /// All values that there are, where that is known: a typing error must not look like silence.
    fn known(self) -> &'static [&'static str] {
        match self {
            Self::Type => &TYPES,
            Self::Status => &["received", "processed"],
            Self::Alert => &["yes", "no"],
            Self::Id | Self::Symbol | Self::Source | Self::Tag => &[],
        }
    }

    fn known_words(self) -> &'static str {
        match self {
            Self::Type => "trade, quote or bar",
            Self::Status => "RECEIVED or PROCESSED",
            Self::Alert => "yes or no",
            Self::Id | Self::Symbol | Self::Source | Self::Tag => "anything",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Id => "e1",
            Self::Symbol => "AAPL",
            Self::Type => "trade",
            Self::Status => "RECEIVED",
            Self::Source => "*binance",
            Self::Tag => "price_spike",
            Self::Alert => "yes",
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            let not = if term.not { "-" } else { "" };
            let field = term.field.map(|field| format!("{}:", field.name())).unwrap_or_default();
            let value = term.values.join(",");
            let quote = if value.contains(char::is_whitespace) || (term.field.is_none() && value.contains(':')) {
                "\""
            } else {
                ""
            };
            write!(formatter, "{space}{not}{field}{quote}{value}{quote}")?;
        }
        Ok(())
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::samples;

    fn events() -> Vec<StoredEvent> {
        let event = samples::healthy().events.data.unwrap().swap_remove(0);
        let with = |id: &str, symbol: &str, event_type: &str, status: &str, alert: bool| StoredEvent {
            event_id: id.to_owned(),
            symbol: symbol.to_owned(),
            event_type: event_type.to_owned(),
            status: status.to_owned(),
            tags: if alert { vec!["price_spike".to_owned()] } else { Vec::new() },
            alert,
            ..event.clone()
        };
        vec![
            with("a1", "AAPL", "trade", "PROCESSED", true),
            with("a2", "AAPL", "quote", "RECEIVED", false),
            with("b1", "BTCUSDT", "bar", "PROCESSED", false),
        ]
    }

    fn found(filter: &str) -> Vec<String> {
        let filter: Filter = filter.parse().unwrap_or_else(|error| panic!("{filter}: {error}"));
        events().into_iter().filter(|event| filter.matches(event)).map(|event| event.event_id).collect()
    }

    #[test]
    fn words_must_all_hold() {
        let cases: [(&str, &[&str]); 16] = [
            ("", &["a1", "a2", "b1"]),
            ("symbol:AAPL", &["a1", "a2"]),
            ("symbol:aapl type:trade", &["a1"]),
            ("symbol:AAPL,BTCUSDT -type:quote", &["a1", "b1"]),
            ("symbol:*USDT", &["b1"]),
            ("symbol:A*L", &["a1", "a2"]),
            ("symbol:AAP", &[]),
            ("status:received", &["a2"]),
            ("alert:yes", &["a1"]),
            ("alert:false", &["a2", "b1"]),
            ("tag:price_spike", &["a1"]),
            ("-tag:*", &["a2", "b1"]),
            ("usd", &["b1"]),
            ("-usd", &["a1", "a2"]),
            ("source:*binance id:b1", &["b1"]),
            ("\"no such text\"", &[]),
        ];
        for (filter, expected) in cases {
            assert_eq!(found(filter), expected, "{filter}");
        }
    }

    #[test]
    fn what_an_index_can_answer_is_known() {
        let of = |text: &str| text.parse::<Filter>().unwrap();
        assert_eq!(of("symbol:aapl usd").one_symbol().as_deref(), Some("AAPL"));
        for text in ["symbol:a*", "symbol:a,b", "-symbol:a", "aapl"] {
            assert_eq!(of(text).one_symbol(), None, "{text}");
        }
        assert_eq!(of("type:trade").types(), ["trade"]);
        assert_eq!(of("-type:trade").types(), ["quote", "bar"]);
        assert_eq!(of("type:trade type:bar").types(), [""; 0]);
    }

    #[test]
    fn mistakes_are_said_and_not_silence() {
        let error = |text: &str| text.parse::<Filter>().unwrap_err().to_string();
        assert!(error("sybmol:AAPL").contains("symbol"), "{}", error("sybmol:AAPL"));
        assert_eq!(error("type:trad"), "type:trad can never hold: type is trade, quote or bar");
        assert_eq!(error("symbol:"), "symbol: wants a value, such as symbol:AAPL");
        assert_eq!(error("\"open"), "a quote is not closed");
    }

    #[test]
    fn quotes_keep_spaces_and_colons() {
        assert_eq!(found("\"12:14:29\""), ["a1", "a2", "b1"]);
        assert_eq!(found("-\"12:14\""), [""; 0]);
        assert_eq!(found("\"-usd\""), [""; 0]);
    }

    #[test]
    fn a_filter_says_itself_as_it_can_be_typed() {
        for text in ["symbol:aapl,b* -type:quote usd", "\"two words\"", "-\"12:14\"", ""] {
            let filter: Filter = text.parse().unwrap();
            assert_eq!(filter.to_string(), text);
            assert_eq!(filter.to_string().parse::<Filter>(), Ok(filter));
        }
    }
}
