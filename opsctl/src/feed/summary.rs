//! Many followed events in a few numbers.

use serde::Serialize;

use super::follow::{Followed, Outcome};
use crate::human;

/// How many events ended how, and how long it took.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Stored and enriched.
    pub processed: usize,
    /// Were there already.
    pub duplicate: usize,
    /// Their identity is taken by other content.
    pub conflict: usize,
    /// Rejected by a stage for good.
    pub rejected: usize,
    /// Not taken by the bus.
    pub refused: usize,
    /// Stored, but not processed in time.
    pub late: usize,
    /// No trace of them in time.
    pub lost: usize,
    /// Not known, because the following was stopped.
    pub open: usize,
    /// How many of the processed raised an alert.
    pub alerts: usize,
    /// How many ended as they were meant to: processed or known, poison rejected.
    pub as_expected: usize,
    /// From the bus to the row: the bus's delivery, waiting, ingestion.
    pub sent_to_stored: Option<Quantiles>,
    /// From the row to its enrichment.
    pub stored_to_processed: Option<Quantiles>,
    /// All of it.
    pub sent_to_processed: Option<Quantiles>,
}

/// Quantiles of durations, in milliseconds, by nearest rank.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half are faster.
    pub p50_ms: f64,
    /// 19 of 20 are faster.
    pub p95_ms: f64,
    /// 99 of 100 are faster.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

impl Quantiles {
    /// Quantiles of these durations; none of no durations.
    pub fn of(mut milliseconds: Vec<f64>) -> Option<Self> {
        milliseconds.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let rank = (milliseconds.len() * percent).div_ceil(100).max(1);
            milliseconds.get(rank - 1).copied()
        };
        Some(Self { p50_ms: at(50)?, p95_ms: at(95)?, p99_ms: at(99)?, max_ms: at(100)? })
    }
}

impl Summary {
    /// Sums up.
    pub fn of(events: &[Followed]) -> Self {
        let mut summary = Self::default();
        let (mut storing, mut processing, mut total) = (Vec::new(), Vec::new(), Vec::new());
        for event in events {
            summary.as_expected += usize::from(event.outcome.is_expected(event.sent.poison));
            let count = match &event.outcome {
                Outcome::Processed { received_at, processed_at, alert, .. } => {
                    summary.alerts += usize::from(*alert);
                    // Negative only when the clocks disagree by less than can be known: then it was quick.
                    let span = |start, end| human::milliseconds(start, end).max(0.0);
                    let sent_at = event.sent.sent_at;
                    storing.extend(received_at.map(|received_at| span(sent_at, received_at)));
                    total.extend(processed_at.map(|processed_at| span(sent_at, processed_at)));
                    processing.extend(received_at.zip(*processed_at).map(|(start, end)| span(start, end)));
                    &mut summary.processed
                }
                Outcome::Duplicate => &mut summary.duplicate,
                Outcome::Conflict { .. } => &mut summary.conflict,
                Outcome::Rejected { .. } => &mut summary.rejected,
                Outcome::Refused { .. } => &mut summary.refused,
                Outcome::Late => &mut summary.late,
                Outcome::Lost => &mut summary.lost,
                Outcome::Open => &mut summary.open,
            };
            *count += 1;
        }
        summary.sent_to_stored = Quantiles::of(storing);
        summary.stored_to_processed = Quantiles::of(processing);
        summary.sent_to_processed = Quantiles::of(total);
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_nearest_rank() {
        let quantiles = Quantiles::of((1..=200).map(f64::from).rev().collect()).unwrap();
        assert_eq!(
            (quantiles.p50_ms, quantiles.p95_ms, quantiles.p99_ms, quantiles.max_ms),
            (100.0, 190.0, 198.0, 200.0)
        );
        assert_eq!(Quantiles::of(vec![7.0]).map(|quantiles| quantiles.p50_ms), Some(7.0));
        assert_eq!(Quantiles::of(vec![]), None);
    }
}
