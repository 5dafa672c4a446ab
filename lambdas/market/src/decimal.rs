//! Exact decimals from JSON and back.
//!
//! A number is taken from its text. It must fit a [`Decimal`] (96-bit integer, 0 to 28 fractional digits) exactly, or it
//! is refused: nothing is rounded silently and nothing passes through `f64`. Trailing zeros are dropped, so equal values
//! have equal text, as in `DynamoDB`.
//!
//! One path of `serde_json` does use `f64`: reading a typed value out of a [`Value`] (`serde_json::from_value`), where a
//! JSON number of 16 or 17 digits may come out with another last digit. Reading from text does not, nor does
//! [`from_json`]. So prices travel as JSON text, indicators have at most 15 digits, and readers of whole details here go
//! by way of text.

use rust_decimal::Decimal;
use serde_json::{Number, Value};

use crate::fault::{FaultCode, type_name};

/// Longest number text that is looked at: a decimal needs 31 characters, the rest is room for zeros.
const MAX_TEXT: usize = 128;
/// Exponents beyond this cannot give a value that fits, whatever the digits.
const MAX_EXPONENT: i32 = 999;

/// Why a text or value is not a decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not a plain decimal number: `NaN`, `inf`, `0x1F`, `1,5`, a blank, a sign alone.
    #[error("must be a decimal number")]
    Format,
    /// A number, but not exactly representable.
    #[error("has more digits than fit exactly (28 significant digits, at most 28 of them fractional)")]
    NotExact,
    /// Neither a JSON number nor text.
    #[error("must be a number or text, not {0}")]
    WrongType(&'static str),
}

impl DecimalError {
    /// The fault code that reports this error.
    pub fn code(self) -> FaultCode {
        match self {
            Self::Format => FaultCode::BadFormat,
            Self::NotExact => FaultCode::NotExact,
            Self::WrongType(_) => FaultCode::WrongType,
        }
    }
}

/// Reads `-?digits[.digits][e±digits]` exactly; trailing zeros are dropped. At most 128 characters.
pub fn parse(text: &str) -> Result<Decimal, DecimalError> {
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (digits, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(DecimalError::Format),
        None => (digits, ""),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return Err(DecimalError::Format);
    }
    if text.len() > MAX_TEXT {
        return Err(DecimalError::NotExact);
    }
    let mut significant = format!("{whole}{fraction}");
    let kept = significant.trim_end_matches('0').len();
    let dropped = significant.len() - kept;
    significant.truncate(kept);
    let significant = significant.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(Decimal::ZERO);
    }
    // The value is `significant` × 10^power; both lengths are at most MAX_TEXT.
    let shift = i32::try_from(dropped).unwrap_or(i32::MAX) - i32::try_from(fraction.len()).unwrap_or(i32::MAX);
    let power = exponent + shift;
    let mut mantissa: i128 = significant.parse().map_err(|_| DecimalError::NotExact)?;
    let scale = if power > 0 {
        let factor = 10_i128.checked_pow(power.unsigned_abs()).ok_or(DecimalError::NotExact)?;
        mantissa = mantissa.checked_mul(factor).ok_or(DecimalError::NotExact)?;
        0
    } else {
        power.unsigned_abs()
    };
    let signed = if negative { -mantissa } else { mantissa };
    Decimal::try_from_i128_with_scale(signed, scale).map_err(|_| DecimalError::NotExact)
}

fn parse_exponent(text: &str) -> Result<i32, DecimalError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecimalError::Format);
    }
    let magnitude = digits.parse::<i32>().unwrap_or(MAX_EXPONENT).min(MAX_EXPONENT);
    Ok(if text.starts_with('-') { -magnitude } else { magnitude })
}

/// Reads a JSON number or text exactly.
pub fn from_json(value: &Value) -> Result<Decimal, DecimalError> {
    match value {
        Value::Number(number) => parse(number.as_str()),
        Value::String(text) => parse(text),
        other => Err(DecimalError::WrongType(type_name(other))),
    }
}

/// The canonical text: no exponent, no trailing zeros, no `-0`.
pub fn format(value: Decimal) -> String {
    value.normalize().to_string()
}

/// The value as a JSON number that keeps every digit.
pub fn to_number(value: Decimal) -> Number {
    // A decimal's text is always a JSON number; the alternative is for the type checker.
    format(value).parse().unwrap_or_else(|_| Number::from(0))
}

/// A computed `f64` as a decimal of `digits` significant digits; `None` unless it is finite and in range.
/// For statistics only: prices and sizes never come this way.
pub(crate) fn from_statistic(value: f64, digits: u32) -> Option<Decimal> {
    use rust_decimal::prelude::FromPrimitive;
    if !value.is_finite() {
        return None;
    }
    Decimal::from_f64(value)?.round_sf(digits).map(|rounded| rounded.normalize())
}

/// The nearest `f64`, for statistics and comparisons on a screen.
pub(crate) fn to_f64(value: Decimal) -> Option<f64> {
    use rust_decimal::prelude::ToPrimitive;
    value.to_f64().filter(|number| number.is_finite())
}

/// Serde as JSON text (`"39432.48"`), which every JSON reader keeps exact. Reads numbers too.
pub mod as_text {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the canonical text.
    pub fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format(*value))
    }

    /// Reads text or a number, exactly.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        super::from_json(&serde_json::Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Serde as a JSON number with all its digits (`39432.48`). Reads text too.
pub mod as_number {
    use rust_decimal::Decimal;
    use serde::{Deserializer, Serialize, Serializer};

    /// Writes a JSON number.
    pub fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
        super::to_number(*value).serialize(serializer)
    }

    /// Reads a number or text, exactly.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        super::as_text::deserialize(deserializer)
    }
}

/// Serde of an optional decimal as a JSON number or null; use with `#[serde(default)]`.
pub mod as_number_option {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    /// Writes a JSON number or null.
    pub fn serialize<S: Serializer>(value: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(super::to_number).serialize(serializer)
    }

    /// Reads a number, text or null, exactly.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Null => Ok(None),
            value => super::from_json(&value).map(Some).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn exact_numbers_are_read_and_canonical() {
        for (text, canonical) in [
            ("39432.48", "39432.48"),
            ("0.000263", "0.000263"),
            ("1.500", "1.5"),
            ("-0", "0"),
            ("0e999", "0"),
            ("007", "7"),
            ("1e3", "1000"),
            ("12.5E-1", "1.25"),
            ("1E+2", "100"),
            ("79228162514264337593543950335", "79228162514264337593543950335"),
            ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
            ("1.0000000000000000000000000000000000000000", "1"),
            ("100000000000000000000000000000000000e-10", "10000000000000000000000000"),
        ] {
            assert_eq!(parse(text).map(format).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn what_would_have_to_be_rounded_is_refused() {
        for text in [
            "79228162514264337593543950336",
            "0.00000000000000000000000000001",
            "1.00000000000000000000000000001",
            "1e400",
            "1e-400",
            "1e29",
            "1e99999999999999999999",
            "1e-2147483648",
        ] {
            assert_eq!(parse(text), Err(DecimalError::NotExact), "{text}");
        }
        assert_eq!(parse(&"1".repeat(5000)), Err(DecimalError::NotExact));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in [
            "",
            "-",
            "+1",
            ".5",
            "5.",
            "NaN",
            "inf",
            "-Infinity",
            "1,5",
            "1 ",
            " 1",
            "0x10",
            "1e",
            "1e+",
            "1_000",
            "１",
            "--1",
            "1.2.3",
            "1e1.5",
            "e5",
        ] {
            assert_eq!(parse(text), Err(DecimalError::Format), "{text:?}");
        }
    }

    #[test]
    fn json_numbers_keep_digits_that_f64_would_lose() {
        let value: Value = serde_json::from_str("12345678901234567890.123456789").unwrap();
        let decimal = from_json(&value).unwrap();
        assert_eq!(format(decimal), "12345678901234567890.123456789");
        assert_eq!(serde_json::to_string(&to_number(decimal)).unwrap(), "12345678901234567890.123456789");
        assert_eq!(from_json(&serde_json::json!([1])), Err(DecimalError::WrongType("a list")));
    }

    #[test]
    fn statistics_are_rounded_to_significant_digits() {
        assert_eq!(from_statistic(0.123_456_789_012_345, 12).map(format).as_deref(), Some("0.123456789012"));
        assert_eq!(from_statistic(f64::NAN, 12), None);
        assert_eq!(from_statistic(f64::INFINITY, 12), None);
        assert_eq!(from_statistic(1e300, 12), None);
        assert_eq!(from_statistic(1e-300, 12).map(format).as_deref(), Some("0"));
    }

    proptest! {
        #[test]
        fn any_text_gives_a_verdict(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn number_like_text_gives_a_verdict_and_what_is_read_is_written_back(text in "-?[0-9]{1,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,6})?") {
            if let Ok(value) = parse(&text) {
                prop_assert_eq!(parse(&format(value)), Ok(value));
                prop_assert_eq!(from_json(&Value::Number(to_number(value))), Ok(value));
            }
        }

        #[test]
        fn every_decimal_survives(mantissa in -79_228_162_514_264_337_593_543_950_335_i128..=79_228_162_514_264_337_593_543_950_335, scale in 0_u32..=28) {
            let value = Decimal::from_i128_with_scale(mantissa, scale);
            prop_assert_eq!(parse(&value.to_string()), Ok(value));
            prop_assert_eq!(parse(&format(value)), Ok(value));
        }
    }
}
