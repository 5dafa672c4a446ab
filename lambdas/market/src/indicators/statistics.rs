//! The `f64` part: logarithms and moments.

use rust_decimal::Decimal;

use super::{EWMA_LAMBDA, MIN_SAMPLE, SECONDS_PER_YEAR};
use crate::decimal::to_f64;

/// Deviations below this part of the mean are rounding errors of equal numbers, not a scale to measure by.
const LEAST_RELATIVE_DEVIATION: f64 = 1e-9;

/// ln(to / from), from the exact difference: prices are close to each other, and ln(1 + x) keeps the digits of a small x.
pub(super) fn log_return(from: Decimal, to: Decimal) -> Option<f64> {
    let relative = to_f64(to.checked_sub(from)?)? / to_f64(from)?;
    Some(relative.ln_1p()).filter(|value| value.is_finite())
}

/// √Σ r².
pub(super) fn realised_volatility(returns: &[f64]) -> Option<f64> {
    (returns.len() >= MIN_SAMPLE).then(|| returns.iter().map(|r| r * r).sum::<f64>().sqrt())
}

/// A volatility over `seconds`, for a year.
pub(super) fn annualised(volatility: f64, seconds: f64) -> f64 {
    volatility * (SECONDS_PER_YEAR / seconds).sqrt()
}

/// The square root of the exponentially weighted mean of squares.
pub(super) fn ewma_volatility(returns: &[f64]) -> Option<f64> {
    if returns.len() < MIN_SAMPLE {
        return None;
    }
    let (first, rest) = returns.split_first()?;
    let variance = rest.iter().fold(first * first, |variance, r| EWMA_LAMBDA * variance + (1.0 - EWMA_LAMBDA) * r * r);
    Some(variance.sqrt())
}

/// How many sample deviations `value` is from the mean of `sample`.
pub(super) fn zscore(sample: &[f64], value: f64) -> Option<f64> {
    if sample.len() < MIN_SAMPLE {
        return None;
    }
    // A window has at most some hundred entries; the count is exact in f64.
    #[expect(clippy::cast_precision_loss)]
    let count = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / count;
    let squares = sample.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    let deviation = (squares / (count - 1.0)).sqrt();
    let scale = deviation > 0.0 && deviation > mean.abs() * LEAST_RELATIVE_DEVIATION;
    scale.then(|| (value - mean) / deviation)
}
