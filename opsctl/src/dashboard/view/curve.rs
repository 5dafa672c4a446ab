//! Curves of one line.

use crate::aws::metrics::{Series, Window};

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A value a minute, the latest right; a minute without data is a gap, which zero is not.
pub(super) fn series(series: &Series, window: Window, width: usize) -> String {
    bars(&minutes(series, window), width)
}

/// The window's minutes, each with its value if it has one.
pub(super) fn minutes(series: &Series, window: Window) -> Vec<Option<f64>> {
    let mut minutes = vec![None; usize::from(window.minutes)];
    for point in &series.points {
        let minute = point.at.duration_since(window.start).as_secs().div_euclid(60);
        if let Some(slot) = usize::try_from(minute).ok().and_then(|minute| minutes.get_mut(minute)) {
            *slot = Some(point.value);
        }
    }
    minutes
}

/// The last `width` values as bars from zero to the largest of them.
pub(super) fn bars(values: &[Option<f64>], width: usize) -> String {
    let values = &values[values.len().saturating_sub(width)..];
    let largest = values.iter().flatten().copied().fold(0.0, f64::max);
    let bar = |value: &Option<f64>| match value {
        None => ' ',
        Some(value) => BARS[level(*value, largest, BARS.len() - 1)],
    };
    let curve: String = values.iter().map(bar).collect();
    format!("{curve:>width$}")
}

/// The level from 0 to `top` of a value. What is not zero is never level 0: it must be seen.
pub(super) fn level(value: f64, largest: f64, top: usize) -> usize {
    if largest <= 0.0 || value <= 0.0 {
        return 0;
    }
    (1..top).find(|level| value / largest <= fraction(*level, top)).unwrap_or(top)
}

#[expect(clippy::cast_precision_loss, reason = "levels are a few hundred at most")]
fn fraction(level: usize, top: usize) -> f64 {
    level as f64 / top as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_not_zero_and_a_little_is_not_nothing() {
        assert_eq!(bars(&[None, Some(0.0), Some(0.1), Some(100.0)], 6), "   ▁▂█");
        assert_eq!(bars(&[Some(5.0), Some(0.0), Some(0.0)], 2), "▁▁");
        assert_eq!(bars(&[Some(50.0), Some(100.0)], 2), "▅█");
    }
}
