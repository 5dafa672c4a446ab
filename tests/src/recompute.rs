//! The indicators once more, by another route: plain `f64` loops over what the tables hold, written from the formulas
//! and not from the functions' code.

use std::collections::HashMap;

use serde_json::Value;

use crate::events::{Row, text};

/// What an event contributes to a window.
#[derive(Debug, Clone, Copy)]
pub struct Tick {
    /// Microseconds since the epoch.
    pub time: i64,
    /// Trade price, quote middle or bar close.
    pub price: f64,
    /// Traded amount, if any.
    pub size: Option<f64>,
}

impl Tick {
    /// From a row of the events table.
    ///
    /// # Panics
    /// When the row has no time or price.
    pub fn of(row: &Row) -> Self {
        let number =
            |name: &str| row.get(name).and_then(|value| value.as_n().ok()).map(|n| n.parse().expect("a number"));
        let time: jiff::Timestamp = text(row, "timestamp").expect("a timestamp").parse().expect("RFC 3339");
        Self { time: time.as_microsecond(), price: number("price").expect("a price"), size: number("size") }
    }
}

/// Every indicator that the formulas give for `event` after `window` (oldest first), with its number of observations.
pub fn indicators(window: &[Tick], event: Tick) -> HashMap<&'static str, (f64, usize)> {
    let prices: Vec<f64> = window.iter().map(|tick| tick.price).chain([event.price]).collect();
    let n = prices.len();
    let mut found = HashMap::new();
    if n >= 20 {
        found.insert("sma_20", (prices[n - 20..].iter().sum::<f64>() / 20.0, 20));
        let mut ema = prices[..20].iter().sum::<f64>() / 20.0;
        for price in &prices[20..] {
            ema = price * (2.0 / 21.0) + ema * (19.0 / 21.0);
        }
        found.insert("ema_20", (ema, n));
    }
    let deals: Vec<(f64, f64)> =
        window.iter().chain([&event]).filter_map(|tick| Some((tick.price, tick.size?))).collect();
    let volume: f64 = deals.iter().map(|(_, size)| size).sum();
    if volume > 0.0 {
        found.insert("vwap", (deals.iter().map(|(price, size)| price * size).sum::<f64>() / volume, deals.len()));
    }
    if n >= 2 {
        let highest = prices.iter().copied().fold(f64::MIN, f64::max);
        found.insert("drawdown", (1.0 - event.price / highest, n));
    }
    // ln(p₁/p₀) through log1p of the exact difference would be the same route; this is the difference of logarithms.
    let returns: Vec<f64> = prices.windows(2).map(|pair| pair[1].ln() - pair[0].ln()).collect();
    if returns.len() >= 10 {
        let sum: f64 = returns.iter().map(|r| r.powi(2)).sum();
        found.insert("realised_volatility", (sum.sqrt(), returns.len()));
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a window fit 53 bits")]
        let seconds = (event.time - window[0].time) as f64 / 1e6;
        if seconds >= 0.1 {
            let year = 365.25 * 24.0 * 3600.0;
            found.insert("annualised_volatility", ((sum / seconds * year).sqrt(), returns.len()));
        }
        let mut variance = returns[0].powi(2);
        for r in &returns[1..] {
            variance = 0.94 * variance + 0.06 * r.powi(2);
        }
        found.insert("ewma_volatility", (variance.sqrt(), returns.len()));
    }
    if let Some((own, earlier)) = returns.split_last()
        && let Some(z) = zscore(earlier, *own)
    {
        found.insert("return_zscore", (z, earlier.len()));
    }
    let sizes: Vec<f64> = window.iter().filter_map(|tick| tick.size).collect();
    if let Some(z) = event.size.and_then(|size| zscore(&sizes, size)) {
        found.insert("volume_zscore", (z, sizes.len()));
    }
    found
}

fn zscore(sample: &[f64], value: f64) -> Option<f64> {
    if sample.len() < 10 {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "a window's length")]
    let n = sample.len() as f64;
    let mean = sample.iter().sum::<f64>() / n;
    let deviation = (sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    // Equal numbers have no scale to measure by; what is left of them in f64 is rounding.
    (deviation > mean.abs() * 1e-9 && deviation > 0.0).then(|| (value - mean) / deviation)
}

/// Compares an event's stored indicators with the recomputed ones, and says how they differ.
///
/// Logarithms of neighbouring prices lose digits in `f64`, so values agree to one part in a million, counts exactly, and
/// what is absent on one side must be absent on the other.
pub fn compare(stored: &Value, window: &[Tick], event: Tick) -> Result<usize, String> {
    let expected = indicators(window, event);
    let mut compared = 0;
    for name in [
        "sma_20",
        "ema_20",
        "vwap",
        "drawdown",
        "realised_volatility",
        "annualised_volatility",
        "ewma_volatility",
        "return_zscore",
        "volume_zscore",
    ] {
        let found = stored.get(name).filter(|value| !value.is_null());
        match (found, expected.get(name)) {
            (None, None) => {}
            (Some(found), Some((value, observations))) => {
                let stored_value: f64 =
                    found["value"].to_string().parse().map_err(|e| format!("{name}: {found}: {e}"))?;
                // The difference of two logarithms of 10 is off by up to 4e-15, and that over a deviation of 1e-5, as quiet
                // minutes have, by 4e-10: near zero a z-score agrees to 1e-8 of a deviation, not to a part of itself.
                let least = if name.ends_with("zscore") { 1e-2 } else { 1e-6 };
                let scale = value.abs().max(stored_value.abs()).max(least);
                if (stored_value - value).abs() / scale > 1e-6 {
                    return Err(format!("{name}: stored {stored_value}, recomputed {value}"));
                }
                if found["observations"] != *observations {
                    return Err(format!("{name}: stands on {}, should be {observations}", found["observations"]));
                }
                compared += 1;
            }
            (found, expected) => return Err(format!("{name}: stored {found:?}, recomputed {expected:?}")),
        }
    }
    Ok(compared)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_wrong_number_and_a_wrong_count_are_found() {
        let tick = |n: i32| Tick { time: i64::from(n) * 1_000_000, price: 100.0 + f64::from(n), size: Some(1.0) };
        let window: Vec<Tick> = (0..4).map(tick).collect();
        let right = json!({"vwap": {"value": 102, "observations": 5}, "drawdown": {"value": 0, "observations": 5}});
        assert_eq!(compare(&right, &window, tick(4)), Ok(2));
        for (pointer, wrong) in
            [("/vwap/value", json!(102.01)), ("/vwap/observations", json!(4)), ("/vwap", json!(null))]
        {
            let mut stored = right.clone();
            *stored.pointer_mut(pointer).unwrap() = wrong;
            assert!(compare(&stored, &window, tick(4)).is_err(), "{stored}");
        }
    }
}
