//! Indicators of one event, from the window of earlier events and the event itself.
//!
//! **The series.** Prices are [reference prices](crate::event::MarketEvent::reference_price) (trade price, quote middle,
//! bar close) of whatever types the window holds, oldest first; entries without a price are passed over. The event's own
//! price is the last of the series unless said otherwise below. An event without a price (a quote with an empty side) has
//! no price indicators. Returns are log-returns of neighbours, rᵢ = ln(pᵢ / pᵢ₋₁).
//!
//! | indicator | formula | event's own | least observations | source |
//! |---|---|---|---|---|
//! | `sma_20` | Σ last 20 prices / 20 | included | 20 prices | textbook |
//! | `ema_20` | eᵢ = eᵢ₋₁ + 2/21 · (pᵢ − eᵢ₋₁), started with the mean of the first 20 prices | included | 20 prices | J. J. Murphy, *Technical Analysis of the Financial Markets* (1999), ch. 9; start as in TA-Lib |
//! | `vwap` | Σ price · size / Σ size of trades; of bars' closes when there is no trade | included | 1 trade or bar, Σ size > 0 | Berkowitz, Logue, Noser, *J. Finance* 43 (1988) |
//! | `realised_volatility` | √Σ rᵢ², over the window, not annualised | included | 10 returns | Andersen, Bollerslev, Diebold, Labys, *Econometrica* 71 (2003) |
//! | `annualised_volatility` | √(Σ rᵢ² · Y / T), T from the first to the last price, Y = 365.25 days (markets that never close) | included | 10 returns, T ≥ 0.1 s | scaling of variance with time, J. Hull, *Options, Futures, and Other Derivatives*, ch. 15 |
//! | `ewma_volatility` | σ²ᵢ = 0.94 σ²ᵢ₋₁ + 0.06 rᵢ², started with r₁²; √, for one step of the series | included | 10 returns | J.P. Morgan/Reuters, *`RiskMetrics` Technical Document* (1996), § 5.2 |
//! | `return_zscore` | (r − mean) / s of the window's returns, s the sample deviation (n − 1) | r is the event's; not in mean and s | 10 returns before it | textbook |
//! | `volume_zscore` | (size − mean) / s of the sizes of the window's events of the same type | size is the event's; not in mean and s | 10 sizes before it | textbook |
//! | `spread_bps` | (ask − bid) / mid · 10⁴; below 0 when crossed | the event alone, a two-sided quote | 1 | textbook |
//! | `drawdown` | (highest − price) / highest, a fraction from 0 to 1 | included | 2 prices | Magdon-Ismail, Atiya, *Risk* 17 (2004) |
//! | `change_previous` | price − previous price, and in percent of it | included | 2 prices | |
//! | `change_window` | price − the window's first price, and in percent of it | included | 2 prices | |
//!
//! `observations` counts what went in: prices for averages and drawdown, trades or bars for `vwap`, returns for
//! volatilities, the returns or sizes compared with for z-scores.
//!
//! With fewer observations than the least there is no value; nor is there one when the formula has none (a deviation of 0)
//! or a number does not fit. T is at least 0.1 s because exchange clocks often have whole milliseconds, which is then an
//! error of at most 1 %. Seconds of ticks annualised also contain the bounce between bid and ask: compare such values with
//! each other, not with a daily volatility.
//!
//! **Numbers.** Averages, VWAP, changes, spread and drawdown are computed in decimals (28 digits) and rounded once, half to
//! even, to [`DECIMAL_DIGITS`] significant digits; volatilities and z-scores in `f64`, rounded to [`STATISTIC_DIGITS`]
//! significant digits, which absorbs what logarithms of different machines differ in.

mod compute;
mod statistics;
mod types;

pub(crate) use compute::change;
pub use compute::compute;
pub use types::{Change, Indicators, Measured};

/// Prices in `sma_20` and period of `ema_20`.
pub const AVERAGE_PERIOD: usize = 20;
/// Decay factor of the EWMA volatility: `RiskMetrics`' for daily data, the usual one.
pub const EWMA_LAMBDA: f64 = 0.94;
/// Least number of returns for a volatility, and of returns or sizes to compare with for a z-score.
pub const MIN_SAMPLE: usize = 10;
/// Least time between first and last price for `annualised_volatility`, in microseconds.
pub const MIN_SPAN_MICROS: i64 = 100_000;
/// Seconds in a year of 365.25 days.
pub const SECONDS_PER_YEAR: f64 = 31_557_600.0;
/// Significant digits of values computed in decimals: as many as a reader that has only `f64` keeps.
pub const DECIMAL_DIGITS: u32 = 15;
/// Significant digits of values computed in `f64`.
pub const STATISTIC_DIGITS: u32 = 12;
