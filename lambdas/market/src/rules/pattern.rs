use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::identifier::{IdentifierError, Symbol};

/// A symbol, or a pattern in which `*` stands for any number of characters: `BTCUSDT`, `ETH*`, `*USD*`, `*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SymbolPattern(String);

impl SymbolPattern {
    /// What a valid one is, to follow "must be".
    pub const RULE: &'static str = "1 to 32 characters of A-Z 0-9 . / : _ - and *";

    /// Checks the text.
    pub fn new(text: impl Into<String>) -> Result<Self, IdentifierError> {
        let text = text.into();
        // A star stands for nothing, too; whatever is left must have a symbol's characters.
        if Symbol::new(text.replace('*', "X")).is_ok() { Ok(Self(text)) } else { Err(IdentifierError(Self::RULE)) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pattern covers the symbol.
    pub fn matches(&self, symbol: &Symbol) -> bool {
        let mut rest = symbol.as_str();
        let mut parts = self.0.split('*');
        // `split` gives at least one part; with one part there is no star.
        let Some(prefix) = parts.next() else { return false };
        let Some(mut next) = parts.next() else { return rest == prefix };
        let Some(after) = rest.strip_prefix(prefix) else { return false };
        rest = after;
        for following in parts {
            let Some(at) = rest.find(next) else { return false };
            rest = &rest[at + next.len()..];
            next = following;
        }
        rest.ends_with(next)
    }
}

impl fmt::Display for SymbolPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for SymbolPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn covers(pattern: &str, symbol: &str) -> bool {
        SymbolPattern::new(pattern).unwrap().matches(&Symbol::new(symbol).unwrap())
    }

    #[test]
    fn stars_stand_for_any_number_of_characters() {
        for (pattern, symbol, expected) in [
            ("BTCUSDT", "BTCUSDT", true),
            ("BTCUSDT", "BTCUSDTX", false),
            ("ETH*", "ETH", true),
            ("ETH*", "ETHUSDT", true),
            ("ETH*", "BETH", false),
            ("*USDT", "BTCUSDT", true),
            ("*USDT", "USDTBTC", false),
            ("*", "X", true),
            ("**", "X", true),
            ("A*A", "A", false),
            ("A*A", "AA", true),
            ("A*B*C", "AXBXBXC", true),
            ("A*B*C", "AXCXB", false),
            ("*AB*AB*", "ABAB", true),
            ("*AB*AB*", "ABA", false),
        ] {
            assert_eq!(covers(pattern, symbol), expected, "{pattern} on {symbol}");
        }
    }

    #[test]
    fn other_characters_are_refused() {
        for text in ["", "btc", "A B", "A?", "[A]", &"A".repeat(33)] {
            assert!(SymbolPattern::new(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_obvious_recursion(pattern in "[AB*]{1,8}", symbol in "[AB]{1,8}") {
            fn slow(pattern: &[u8], text: &[u8]) -> bool {
                match pattern.split_first() {
                    None => text.is_empty(),
                    Some((b'*', rest)) => (0..=text.len()).any(|skip| slow(rest, &text[skip..])),
                    Some((byte, rest)) => text.first() == Some(byte) && slow(rest, &text[1..]),
                }
            }
            prop_assert_eq!(covers(&pattern, &symbol), slow(pattern.as_bytes(), symbol.as_bytes()));
        }
    }
}
