use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::decimal;

/// A value and how many observations it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// The value.
    #[serde(with = "decimal::as_number")]
    pub value: Decimal,
    /// How many observations went into it.
    pub observations: u32,
}

/// A change of price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Price now minus price then.
    #[serde(with = "decimal::as_number")]
    pub absolute: Decimal,
    /// The same in percent of the price then.
    #[serde(with = "decimal::as_number")]
    pub percent: Decimal,
    /// How many prices there are from then to now, both counted.
    pub observations: u32,
}

/// Everything that is computed for an event; formulas and sources stand in the [module](super). Absent where there are too
/// few observations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indicators {
    /// Mean of the last 20 prices; a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sma_20: Option<Measured>,
    /// Exponential mean of period 20; a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema_20: Option<Measured>,
    /// Mean price weighted by traded amount; a price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vwap: Option<Measured>,
    /// Realised volatility over the window; a fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realised_volatility: Option<Measured>,
    /// The same for a year; a fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annualised_volatility: Option<Measured>,
    /// Exponentially weighted volatility of one step; a fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ewma_volatility: Option<Measured>,
    /// The event's return in standard deviations from the window's mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_zscore: Option<Measured>,
    /// The event's traded amount in standard deviations from the window's mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_zscore: Option<Measured>,
    /// The quote's spread in basis points of its middle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread_bps: Option<Measured>,
    /// How far the price is below the window's highest; a fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawdown: Option<Measured>,
    /// Change from the previous price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_previous: Option<Change>,
    /// Change from the window's first price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_window: Option<Change>,
}
