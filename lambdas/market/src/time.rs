//! Times as text: RFC 3339 UTC with exactly six fractional digits, so that the order of texts is the order of times.
//!
//! Input may have any offset and any number of fractional digits; what is finer than a microsecond is cut off, not
//! rounded, so a time never moves into the future. Years are four digits: 0000 to 9999 (what the text order needs).

use jiff::Timestamp;

/// Why a text is not a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 time with an offset, such as 2021-01-08T00:00:00.278Z")]
pub struct TimeError;

/// Length of every formatted time.
pub const TEXT_LENGTH: usize = "2021-01-08T00:00:00.278000Z".len();

/// Reads an RFC 3339 time (`2021-01-08T01:00:00.278+01:00`), truncated to the microsecond.
///
/// Stricter than [`Timestamp`]'s own parser, which also takes other ISO 8601 forms: the date, `T`, seconds and the offset
/// are required. A leap second (`:60`) counts as the last second of its minute.
pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
    const SHAPE: &[u8] = b"dddd-dd-ddTdd:dd:dd";
    let bytes = text.as_bytes();
    let (head, rest) = bytes.split_at_checked(SHAPE.len()).ok_or(TimeError)?;
    let fits = head.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'd' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't'),
        other => byte == other,
    });
    if !fits {
        return Err(TimeError);
    }
    let mut micros = 0_i64;
    let offset = match rest.strip_prefix(b".") {
        None => rest,
        Some(after) => {
            let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return Err(TimeError);
            }
            // Six digits: padded with zeros, cut after the sixth.
            for digit in after[..digits].iter().chain(std::iter::repeat(&b'0')).take(6) {
                micros = micros * 10 + i64::from(digit - b'0');
            }
            &after[digits..]
        }
    };
    let offset_fits = match offset {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    if !offset_fits {
        return Err(TimeError);
    }
    // Everything is ASCII by now, so both parts are text. The seconds are parsed alone: the fraction was cut above.
    let head = std::str::from_utf8(head).map_err(|_| TimeError)?;
    let offset = std::str::from_utf8(offset).map_err(|_| TimeError)?;
    let seconds: Timestamp = format!("{head}{offset}").parse().map_err(|_| TimeError)?;
    from_micros(seconds.as_microsecond().checked_add(micros).ok_or(TimeError)?)
}

/// The time so many microseconds after 1970; an error outside the years 0000 to 9999.
pub fn from_micros(micros: i64) -> Result<Timestamp, TimeError> {
    /// 0000-01-01T00:00:00Z.
    const FIRST: i64 = -62_167_219_200_000_000;
    if micros < FIRST {
        return Err(TimeError);
    }
    Timestamp::from_microsecond(micros).map_err(|_| TimeError)
}

/// The time cut (floored) to the microsecond: what [`parse`] of its [`format()`] gives.
pub fn truncate(time: Timestamp) -> Timestamp {
    let micros = time.as_nanosecond().div_euclid(1000);
    i64::try_from(micros).ok().and_then(|micros| Timestamp::from_microsecond(micros).ok()).unwrap_or(time)
}

/// Writes a time as UTC with exactly six fractional digits: `2021-01-08T00:00:00.278000Z`.
pub fn format(time: Timestamp) -> String {
    format!("{:.6}", truncate(time))
}

/// Serde as six-digit text.
pub mod six_digits {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the six-digit text.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format(*time))
    }

    /// Reads any RFC 3339 text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        super::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Serde of an optional time as six-digit text; use with `#[serde(default)]`.
pub mod six_digits_option {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the six-digit text or null.
    pub fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_str(&super::format(*time)),
            None => serializer.serialize_none(),
        }
    }

    /// Reads any RFC 3339 text or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| super::parse(&text))
            .transpose()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_normalised_to_utc_with_six_digits() {
        for (text, normal) in [
            ("2021-01-08T00:00:00Z", "2021-01-08T00:00:00.000000Z"),
            ("2021-01-08T00:00:00.278Z", "2021-01-08T00:00:00.278000Z"),
            ("2021-01-08t01:00:00.278+01:00", "2021-01-08T00:00:00.278000Z"),
            ("2021-01-07T19:30:00.5-04:30", "2021-01-08T00:00:00.500000Z"),
            ("2021-01-08T00:00:00.1234567899999z", "2021-01-08T00:00:00.123456Z"),
            ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000000Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z"),
        ] {
            assert_eq!(parse(text).map(format).as_deref(), Ok(normal), "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "2021-01-08",
            "2021-01-08T00:00:00",
            "2021-01-08 00:00:00Z",
            "2021-01-08T00:00Z",
            "20210108T000000Z",
            "2021-01-08T00:00:00.Z",
            "2021-01-08T00:00:00,5Z",
            "2021-01-08T00:00:00Z[UTC]",
            "2021-01-08T00:00:00+0100",
            "2021-02-30T00:00:00Z",
            "2021-01-08T24:00:00Z",
            "-000001-01-01T00:00:00Z",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59Z",
            "1610064000",
            "２021-01-08T00:00:00Z",
        ] {
            assert_eq!(parse(text), Err(TimeError), "{text}");
        }
    }

    #[test]
    fn truncation_goes_down_on_both_sides_of_1970() {
        assert_eq!(truncate(Timestamp::from_nanosecond(1_999).unwrap()).as_nanosecond(), 1_000);
        assert_eq!(truncate(Timestamp::from_nanosecond(-1).unwrap()).as_nanosecond(), -1_000);
    }

    proptest! {
        #[test]
        fn any_text_gives_a_verdict(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn near_times_give_a_verdict(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,12})?([Zz]|[+-][0-9]{2}:[0-9]{2})") {
            if let Ok(time) = parse(&text) {
                prop_assert_eq!(parse(&format(time)), Ok(time));
            }
        }

        #[test]
        fn text_order_is_time_order(a in -62_167_219_200_000_000_i64..253_402_207_200_000_000, b in -62_167_219_200_000_000_i64..253_402_207_200_000_000) {
            let (x, y) = (from_micros(a).unwrap(), from_micros(b).unwrap());
            prop_assert_eq!(format(x).cmp(&format(y)), x.cmp(&y));
            prop_assert_eq!(format(x).len(), TEXT_LENGTH);
            prop_assert_eq!(parse(&format(x)), Ok(x));
        }
    }
}
