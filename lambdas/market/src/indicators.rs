//! placeholder: signatures first.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{decimal, event::MarketEvent, observation::Observation};

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
    /// How many prices lie between the two, both counted.
    pub observations: u32,
}

/// Everything that is computed for an event. Absent: too few observations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indicators {
    /// See the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sma_20: Option<Measured>,
    /// See the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema_20: Option<Measured>,
    /// See the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vwap: Option<Measured>,
    /// See the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realised_volatility: Option<Measured>,
    /// See the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annualised_volatility: Option<Measured>,
    /// See the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ewma_volatility: Option<Measured>,
    /// See the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_zscore: Option<Measured>,
    /// See the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_zscore: Option<Measured>,
    /// See the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spread_bps: Option<Measured>,
    /// See the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawdown: Option<Measured>,
    /// See the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_previous: Option<Change>,
    /// See the module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_window: Option<Change>,
}

/// Computes the indicators.
pub fn compute(event: &MarketEvent, window: &[Observation]) -> Indicators {
    let _ = (event, window);
    Indicators::default()
}
