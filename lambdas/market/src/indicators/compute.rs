use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy::MidpointNearestEven};

use super::{
    AVERAGE_PERIOD, Change, DECIMAL_DIGITS, Indicators, MIN_SPAN_MICROS, Measured, STATISTIC_DIGITS,
    statistics::{annualised, ewma_volatility, log_return, realised_volatility, zscore},
};
use crate::{
    decimal::{from_statistic, to_f64},
    event::{EventType, MarketEvent, Quote},
    observation::Observation,
};

/// Computes the indicators of `event`. The window is ascending by time and strictly before the event.
pub fn compute(event: &MarketEvent, window: &[Observation]) -> Indicators {
    let own = event.reference_price().filter(|price| *price > Decimal::ZERO);
    let mut indicators = own.map(|price| of_prices(event.timestamp, price, window)).unwrap_or_default();
    indicators.vwap = vwap(event, window);
    indicators.volume_zscore = volume_zscore(event, window);
    indicators.spread_bps = event.quote().and_then(spread_bps);
    indicators
}

/// The indicators of the series of prices that ends with the event's own.
fn of_prices(timestamp: Timestamp, price: Decimal, window: &[Observation]) -> Indicators {
    let mut prices = Vec::with_capacity(window.len() + 1);
    prices.extend(window.iter().filter_map(Observation::usable_price));
    prices.push(price);
    let first = window.iter().find(|observation| observation.usable_price().is_some());
    let span = first.map_or(0, |first| timestamp.as_microsecond() - first.timestamp.as_microsecond());

    let mut indicators = Indicators {
        sma_20: sma(&prices),
        ema_20: ema(&prices),
        drawdown: drawdown(&prices, price),
        change_previous: prices.iter().rev().nth(1).and_then(|previous| change(*previous, price, 2)),
        change_window: prices
            .first()
            .filter(|_| prices.len() > 1)
            .and_then(|first| change(*first, price, prices.len())),
        ..Indicators::default()
    };
    let Some(returns) = returns(&prices) else { return indicators };
    let realised = realised_volatility(&returns);
    indicators.realised_volatility = realised.and_then(|value| statistic(value, returns.len()));
    if span >= MIN_SPAN_MICROS {
        // Exact: a window would have to last 285 years to reach 2^53 microseconds.
        #[expect(clippy::cast_precision_loss)]
        let seconds = span as f64 / 1e6;
        indicators.annualised_volatility =
            realised.and_then(|value| statistic(annualised(value, seconds), returns.len()));
    }
    indicators.ewma_volatility = ewma_volatility(&returns).and_then(|value| statistic(value, returns.len()));
    if let Some((own, earlier)) = returns.split_last() {
        indicators.return_zscore = zscore(earlier, *own).and_then(|value| statistic(value, earlier.len()));
    }
    indicators
}

/// The log-returns of neighbours; `None` when a number does not fit.
fn returns(prices: &[Decimal]) -> Option<Vec<f64>> {
    // Reserved: a collected `Option` does not know its length and would grow step by step.
    let mut returns = Vec::with_capacity(prices.len());
    for pair in prices.windows(2) {
        returns.push(log_return(pair[0], pair[1])?);
    }
    Some(returns)
}

fn statistic(value: f64, observations: usize) -> Option<Measured> {
    Some(Measured { value: from_statistic(value, STATISTIC_DIGITS)?, observations: count(observations) })
}

fn exact(value: Decimal, observations: usize) -> Option<Measured> {
    Some(Measured { value: round(value)?, observations: count(observations) })
}

fn count(observations: usize) -> u32 {
    u32::try_from(observations).unwrap_or(u32::MAX)
}

/// To [`DECIMAL_DIGITS`] significant digits, half to even.
fn round(value: Decimal) -> Option<Decimal> {
    value.round_sf_with_strategy(DECIMAL_DIGITS, MidpointNearestEven).map(|rounded| rounded.normalize())
}

fn mean(prices: &[Decimal]) -> Option<Decimal> {
    let sum = prices.iter().try_fold(Decimal::ZERO, |sum, price| sum.checked_add(*price))?;
    sum.checked_div(Decimal::from(prices.len()))
}

fn sma(prices: &[Decimal]) -> Option<Measured> {
    let start = prices.len().checked_sub(AVERAGE_PERIOD)?;
    exact(mean(&prices[start..])?, AVERAGE_PERIOD)
}

fn ema(prices: &[Decimal]) -> Option<Measured> {
    let (head, tail) = prices.split_at_checked(AVERAGE_PERIOD)?;
    let period = Decimal::from(AVERAGE_PERIOD + 1);
    let value = tail.iter().try_fold(mean(head)?, |average, price| {
        // 2/21 has no end in decimals: multiplied first, divided last.
        let step = price.checked_sub(average)?.checked_mul(Decimal::TWO)?.checked_div(period)?;
        average.checked_add(step)
    })?;
    exact(value, prices.len())
}

fn drawdown(prices: &[Decimal], price: Decimal) -> Option<Measured> {
    let highest = prices.iter().max().filter(|_| prices.len() > 1)?;
    exact(highest.checked_sub(price)?.checked_div(*highest)?, prices.len())
}

/// The change from an earlier price; `None` only when a number does not fit.
pub(crate) fn change(from: Decimal, to: Decimal, observations: usize) -> Option<Change> {
    let absolute = to.checked_sub(from)?;
    let percent = absolute.checked_div(from)?.checked_mul(Decimal::ONE_HUNDRED)?;
    Some(Change { absolute: round(absolute)?, percent: round(percent)?, observations: count(observations) })
}

/// Over trades, or over bars where there are no trades: a feed that has both would count every deal twice.
fn vwap(event: &MarketEvent, window: &[Observation]) -> Option<Measured> {
    let own = (event.event_type(), event.reference_price(), event.reference_size());
    let all = || window.iter().map(|seen| (seen.event_type, seen.usable_price(), seen.size)).chain([own]);
    let weighted = |wanted: EventType| {
        all().filter_map(move |(kind, price, size)| Some((price?, size?)).filter(|_| kind == wanted))
    };
    let kind = if weighted(EventType::Trade).next().is_some() { EventType::Trade } else { EventType::Bar };
    let (mut amount, mut turnover, mut deals) = (Decimal::ZERO, Decimal::ZERO, 0);
    for (price, size) in weighted(kind) {
        turnover = turnover.checked_add(price.checked_mul(size)?)?;
        amount = amount.checked_add(size)?;
        deals += 1;
    }
    if amount <= Decimal::ZERO {
        return None;
    }
    exact(turnover.checked_div(amount)?, deals)
}

/// Compared with events of the same type only: a bar's volume and a trade's size are different things.
fn volume_zscore(event: &MarketEvent, window: &[Observation]) -> Option<Measured> {
    let own = to_f64(event.reference_size()?)?;
    let alike = window.iter().filter(|seen| seen.event_type == event.event_type());
    let mut sizes = Vec::with_capacity(window.len());
    sizes.extend(alike.filter_map(|seen| seen.size.and_then(to_f64)));
    statistic(zscore(&sizes, own)?, sizes.len())
}

fn spread_bps(quote: &Quote) -> Option<Measured> {
    let spread = quote.ask.checked_sub(quote.bid)?;
    exact(spread.checked_div(quote.mid()?)?.checked_mul(Decimal::from(10_000))?, 1)
}
