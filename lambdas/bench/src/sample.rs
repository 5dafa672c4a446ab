//! What is measured of one invocation, and what a number of them say.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// An AWS call as the stub saw it: when it had the whole request, and when it let the answer go.
pub(crate) type Span = (Instant, Instant);

/// One invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sample {
    /// The environment's first.
    pub(crate) first: bool,
    /// From handing the event over to having the answer.
    pub(crate) wall: Duration,
    /// The part of it in which at least one AWS call was in the stub's hands.
    pub(crate) held: Duration,
    /// CPU time of the function's process.
    pub(crate) cpu: Duration,
    /// Time in which it could have run and had to wait for a core: the machine's doing, not the function's.
    pub(crate) waited: Duration,
    /// AWS calls of which each started after the one before had ended.
    pub(crate) trips: usize,
    /// AWS calls.
    pub(crate) calls: usize,
}

impl Sample {
    /// What the function itself took: its code, and HTTP over loopback.
    pub(crate) fn overhead(&self) -> Duration {
        self.wall.saturating_sub(self.held)
    }

    /// The same without waiting for a core.
    pub(crate) fn overhead_running(&self) -> Duration {
        self.overhead().saturating_sub(self.waited)
    }
}

/// The time that the spans cover together.
pub(crate) fn covered(spans: &[Span]) -> Duration {
    let mut spans = spans.to_vec();
    spans.sort();
    let mut total = Duration::ZERO;
    let mut until: Option<Instant> = None;
    for (start, end) in spans {
        let start = until.map_or(start, |until| until.max(start));
        if end > start {
            total += end - start;
            until = Some(end);
        }
    }
    total
}

/// The longest chain of spans of which each starts after the one before has ended.
pub(crate) fn chain(spans: &[Span]) -> usize {
    let mut spans = spans.to_vec();
    spans.sort();
    let mut depths: Vec<usize> = Vec::with_capacity(spans.len());
    for (start, _) in &spans {
        let before = spans.iter().zip(&depths).filter(|((_, end), _)| end <= start).map(|(_, depth)| *depth);
        depths.push(1 + before.max().unwrap_or(0));
    }
    depths.into_iter().max().unwrap_or(0)
}

/// Percentiles, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Summary {
    pub(crate) count: usize,
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Summary {
    pub(crate) fn of(durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut values: Vec<f64> = durations.into_iter().map(|duration| duration.as_secs_f64() * 1000.0).collect();
        values.sort_by(f64::total_cmp);
        let Some(max) = values.last().copied() else { return Self::default() };
        // Nearest rank.
        let at = |hundredths: usize| values[(values.len() * hundredths).div_ceil(100).max(1) - 1];
        let count = values.len();
        let mean = values.iter().sum::<f64>() / f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        Self { count, mean, p50: at(50), p99: at(99), max }
    }

    pub(crate) fn json(&self) -> Value {
        let round = |value: f64| json!((value * 100.0).round() / 100.0);
        json!({
            "count": self.count, "mean_ms": round(self.mean), "p50_ms": round(self.p50), "p99_ms": round(self.p99),
            "max_ms": round(self.max)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(of: &[(u64, u64)]) -> Vec<Span> {
        let zero = Instant::now();
        of.iter().map(|(a, b)| (zero + Duration::from_millis(*a), zero + Duration::from_millis(*b))).collect()
    }

    #[test]
    fn calls_at_the_same_time_are_one_trip_and_count_once() {
        let spans = spans(&[(0, 5), (1, 9), (10, 14), (10, 12), (20, 21)]);
        assert_eq!(chain(&spans), 3);
        assert_eq!(covered(&spans), Duration::from_millis(14));
        assert_eq!((chain(&[]), covered(&[])), (0, Duration::ZERO));
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let summary = Summary::of((1..=200).map(Duration::from_millis));
        assert_eq!((summary.p50, summary.p99, summary.max, summary.count), (100.0, 198.0, 200.0, 200));
        assert_eq!(Summary::of([]), Summary::default());
    }
}
