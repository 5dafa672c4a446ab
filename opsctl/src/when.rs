//! Points in time and lengths of time, as a person types them.
//!
//! | typed | means |
//! |---|---|
//! | `now` | now |
//! | `10m`, `1h30m`, `2d`, `10m ago` | so long ago |
//! | `14:32`, `14:32:10` | the last time that it was 14:32 in UTC |
//! | `2026-11-22`, `2026-11-22 14:32` | that time, in UTC |
//! | `2026-11-22T14:32:10Z`, `…+01:00` | RFC 3339, with its own offset |
//!
//! All of opsctl shows UTC, so what it shows can be typed back.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp, ToSpan};

/// What can be typed, for errors and help.
pub const FORMS: &str = "10m (ago), 14:32 (UTC), 2026-11-22T14:32:00Z, or now";

/// A point in time as it was typed. What it is in numbers depends on when it is asked: [`When::resolve`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A point in time, whenever it is asked.
    At(Timestamp),
    /// The last time that the clock, in UTC, showed this.
    Clock(Time),
    /// So long ago.
    Ago(SignedDuration),
}

/// Text that is no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {wanted}")]
pub struct WhenError {
    text: String,
    wanted: String,
}

impl When {
    /// The point in time that this means at `now`.
    pub fn resolve(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(duration) => now.checked_sub(duration).unwrap_or(Timestamp::MIN),
            Self::Clock(time) => {
                let today = TimeZone::UTC.to_datetime(now).date().to_datetime(time);
                let at = TimeZone::UTC.to_timestamp(today).unwrap_or(now);
                if at <= now { at } else { at.checked_sub(24.hours()).unwrap_or(at) }
            }
        }
    }
}

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("now") {
            return Ok(Self::Ago(SignedDuration::ZERO));
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at));
        }
        // A date alone is its first instant; jiff reads it as a datetime at midnight.
        if text.starts_with(|first: char| first.is_ascii_digit())
            && text.contains('-')
            && let Ok(at) = text.parse::<DateTime>().and_then(|civil| TimeZone::UTC.to_timestamp(civil))
        {
            return Ok(Self::At(at));
        }
        if text.contains(':')
            && let Ok(time) = text.parse::<Time>()
        {
            return Ok(Self::Clock(time));
        }
        let length = text.strip_suffix("ago").unwrap_or(text);
        duration(length)
            .map(Self::Ago)
            .map_err(|_| WhenError { text: text.to_owned(), wanted: format!("a time: {FORMS}") })
    }
}

impl fmt::Display for When {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => write!(formatter, "{at}"),
            Self::Clock(time) => write!(formatter, "{time} UTC"),
            Self::Ago(duration) if duration.is_zero() => write!(formatter, "now"),
            Self::Ago(duration) => write!(formatter, "{duration:#} ago"),
        }
    }
}

/// Reads a length of time: `90s`, `10m`, `1h30m`, `2d`. A day has 24 hours; less than nothing is refused.
pub fn duration(text: &str) -> Result<SignedDuration, WhenError> {
    let wrong =
        || WhenError { text: text.trim().to_owned(), wanted: "a length of time: 90s, 10m, 1h30m, 2d".to_owned() };
    let span: Span = text.trim().parse().map_err(|_| wrong())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    if duration.is_negative() { Err(wrong()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T12:14:30Z".parse().unwrap()
    }

    #[test]
    fn every_form_is_understood() {
        let cases = [
            ("now", "2026-11-22T12:14:30Z"),
            ("10m", "2026-11-22T12:04:30Z"),
            ("10m ago", "2026-11-22T12:04:30Z"),
            ("1h30m", "2026-11-22T10:44:30Z"),
            ("2d", "2026-11-20T12:14:30Z"),
            ("90 s", "2026-11-22T12:13:00Z"),
            ("12:00", "2026-11-22T12:00:00Z"),
            ("12:14:30", "2026-11-22T12:14:30Z"),
            // Not yet today, so yesterday.
            ("14:32", "2026-11-21T14:32:00Z"),
            ("2026-11-22", "2026-11-22T00:00:00Z"),
            ("2026-11-20 14:32", "2026-11-20T14:32:00Z"),
            ("2026-11-20T14:32:10", "2026-11-20T14:32:10Z"),
            ("2026-11-20T14:32:10.25Z", "2026-11-20T14:32:10.25Z"),
            ("2026-11-20T14:32:10+01:00", "2026-11-20T13:32:10Z"),
        ];
        for (text, expected) in cases {
            let when: When = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(when.resolve(now()).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_says_what_is_one() {
        for text in ["", "yesterday", "25:00", "2026-13-01", "-10m", "10", "10 parsecs", "1mo", "12"] {
            let error = text.parse::<When>().unwrap_err().to_string();
            assert!(error.contains("14:32 (UTC)"), "{text}: {error}");
        }
    }

    #[test]
    fn lengths_have_units_and_are_not_negative() {
        assert_eq!(duration("1h30m"), Ok(SignedDuration::from_mins(90)));
        assert_eq!(duration("2d"), Ok(SignedDuration::from_hours(48)));
        for text in ["", "10", "-10m", "1 year", "10m ago"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_says_itself_as_it_can_be_typed() {
        for text in ["now", "2026-11-20T14:32:10Z"] {
            assert_eq!(text.parse::<When>().unwrap().to_string(), text);
        }
        assert_eq!("10m".parse::<When>().unwrap().to_string(), "10m ago");
    }
}
