//! When each event is due.

use std::str::FromStr;
use std::time::Duration;

use super::event::FeedEvent;

/// How fast events are sent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Pace {
    /// As fast as the bus takes them.
    #[default]
    Fast,
    /// With the distances that their own times have.
    Real,
    /// So many a second.
    Rate(f64),
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "real" => Ok(Self::Real),
            "fast" => Ok(Self::Fast),
            number => match number.parse() {
                Ok(rate) if (0.001..=100_000.0).contains(&rate) => Ok(Self::Rate(rate)),
                _ => Err("must be `real`, `fast`, or events a second (0.001 to 100000)".to_owned()),
            },
        }
    }
}

impl Pace {
    /// When each event is due, counted from the start; never before its predecessor. An event without a time of its own
    /// follows its predecessor at once.
    pub fn plan(self, events: &[FeedEvent]) -> Vec<Duration> {
        match self {
            Self::Fast => vec![Duration::ZERO; events.len()],
            #[expect(clippy::cast_precision_loss, reason = "2^52 events are never sent")]
            Self::Rate(rate) => (0..events.len()).map(|number| Duration::from_secs_f64(number as f64 / rate)).collect(),
            Self::Real => {
                let first = events.iter().find_map(FeedEvent::timestamp);
                let mut due = Duration::ZERO;
                let distance = |event: &FeedEvent| {
                    let distance = event.timestamp()?.duration_since(first?);
                    Duration::try_from(distance).ok()
                };
                events
                    .iter()
                    .map(|event| {
                        due = due.max(distance(event).unwrap_or_default());
                        due
                    })
                    .collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(times: &[&str]) -> Vec<FeedEvent> {
        times.iter().map(|time| FeedEvent::new(json!({"timestamp": time}))).collect()
    }

    #[test]
    fn real_pace_keeps_distances_and_never_goes_back() {
        let events = at(&["2021-01-08T00:00:01Z", "2021-01-08T00:00:03.5Z", "2021-01-08T00:00:02Z", "none"]);
        let plan: Vec<u128> = Pace::Real.plan(&events).iter().map(Duration::as_millis).collect();
        assert_eq!(plan, [0, 2500, 2500, 2500]);
    }

    #[test]
    fn a_rate_spaces_evenly() {
        let plan: Vec<u128> = Pace::Rate(4.0).plan(&at(&["", "", ""])).iter().map(Duration::as_millis).collect();
        assert_eq!(plan, [0, 250, 500]);
    }

    #[test]
    fn pace_is_a_word_or_a_positive_number() {
        assert_eq!("real".parse(), Ok(Pace::Real));
        assert_eq!("2.5".parse(), Ok(Pace::Rate(2.5)));
        for wrong in ["0", "-1", "quick", "NaN", "inf", ""] {
            assert!(wrong.parse::<Pace>().is_err(), "{wrong}");
        }
    }
}
