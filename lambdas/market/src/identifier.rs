//! The small texts that identify things, each checked once where it comes in.

use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// A text that is not a valid identifier; says what a valid one looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct IdentifierError(pub &'static str);

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $range:expr, $allowed:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// What a valid one is, to follow "must be".
            pub const RULE: &'static str = $rule;

            /// Checks the text.
            pub fn new(text: impl Into<String>) -> Result<Self, IdentifierError> {
                let text = text.into();
                let allowed: fn(u8) -> bool = $allowed;
                if ($range).contains(&text.len()) && text.bytes().all(allowed) {
                    Ok(Self(text))
                } else {
                    Err(IdentifierError(Self::RULE))
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl FromStr for $name {
            type Err = IdentifierError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
            }
        }
    };
}

identifier! {
    /// Identity of a market event, given by the feed or taken from the envelope.
    EventId, 1..=128,
    |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-'),
    "1 to 128 characters of A-Z a-z 0-9 . _ : -"
}

identifier! {
    /// An instrument, as the feed names it: `BTCUSDT`, `BRK.B`, `EUR/USD`.
    Symbol, 1..=32,
    |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'/' | b':' | b'_' | b'-'),
    "1 to 32 characters of A-Z 0-9 . / : _ -"
}

identifier! {
    /// A currency code in the form of ISO 4217. The form is checked, not the list, which changes over the years and
    /// would reject events of the past.
    Currency, 3..=3,
    |byte| byte.is_ascii_uppercase(),
    "a currency code of three letters A-Z (ISO 4217)"
}

identifier! {
    /// Name of an alert rule.
    RuleId, 1..=64,
    |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-',
    "1 to 64 characters of a-z 0-9 -"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_characters_are_checked() {
        assert!(EventId::new("BINANCE-T-553287559").is_ok());
        assert!(EventId::new("a".repeat(128)).is_ok());
        assert!(EventId::new("a".repeat(129)).is_err());
        assert!(EventId::new("").is_err());
        assert!(EventId::new("a#b").is_err(), "the audit key separates with #");
        assert!(Symbol::new("EUR/USD").is_ok());
        assert!(Symbol::new("btc").is_err());
        assert!(Symbol::new("A".repeat(33)).is_err());
        assert!(Currency::new("USD").is_ok());
        assert!(Currency::new("USDT").is_err());
        assert!(RuleId::new("btc-above-100k").is_ok());
        assert!(RuleId::new("BTC").is_err());
    }

    #[test]
    fn deserialising_checks_too() {
        assert!(serde_json::from_str::<Symbol>("\"BTCUSDT\"").is_ok());
        let error = serde_json::from_str::<Symbol>("\"btc usdt\"").unwrap_err();
        assert!(error.to_string().contains(Symbol::RULE), "{error}");
    }
}
