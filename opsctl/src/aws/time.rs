//! Between the SDK's times and ours.

use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// The SDK's time as ours; none when it is out of the range of dates.
pub(super) fn from_sdk(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_nanosecond(time.as_nanos()).ok()
}

/// Our time as the SDK's.
pub(super) fn to_sdk(time: Timestamp) -> DateTime {
    DateTime::from_secs_and_nanos(
        time.as_second() - i64::from(time.subsec_nanosecond() < 0),
        u32::try_from(time.subsec_nanosecond().rem_euclid(1_000_000_000)).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_the_way_there_and_back() {
        for text in ["2021-01-08T00:00:00.278Z", "1969-12-31T23:59:59.25Z", "2026-11-22T12:00:00Z"] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(from_sdk(&to_sdk(time)), Some(time));
        }
    }
}
