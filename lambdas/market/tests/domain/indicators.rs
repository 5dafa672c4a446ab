//! Properties of the indicators that hold whatever the data, and the least numbers of observations.

use market::{
    event::MarketEvent,
    indicators::{AVERAGE_PERIOD, Indicators, MIN_SAMPLE, Measured, compute},
};
use proptest::prelude::*;
use rust_decimal::{Decimal, prelude::ToPrimitive};

use crate::support::{bar, decimal, quote, trade, window};

/// The indicators of the last of a list of trades, one a second.
fn of(prices: &[&str]) -> Indicators {
    let trades: Vec<MarketEvent> =
        prices.iter().zip(0..).map(|(price, index)| trade(index * 1000, price, "1")).collect();
    of_events(&trades)
}

fn of_events(events: &[MarketEvent]) -> Indicators {
    let (own, earlier) = events.split_last().unwrap();
    compute(own, &window(earlier))
}

fn trades(prices: &[Decimal], sizes: &[Decimal]) -> Vec<MarketEvent> {
    let all = prices.iter().zip(sizes).zip(0..);
    all.map(|((price, size), index)| trade(index * 1000, &price.to_string(), &size.to_string())).collect()
}

fn number(measured: Option<Measured>) -> f64 {
    measured.unwrap().value.to_f64().unwrap()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-8 * a.abs().max(b.abs()) + 1e-12
}

#[test]
fn nothing_is_invented_from_too_few() {
    let prices: Vec<&str> = (0..30).map(|index| if index % 2 == 0 { "100" } else { "101" }).collect();
    let alone = of(&prices[..1]);
    assert_eq!(alone.vwap, Some(Measured { value: decimal("100"), observations: 1 }));
    assert_eq!(Indicators { vwap: None, ..alone }, Indicators::default());

    assert!(of(&prices[..2]).drawdown.is_some());
    assert_eq!(of(&prices[..AVERAGE_PERIOD - 1]).sma_20, None);
    assert_eq!(of(&prices[..AVERAGE_PERIOD - 1]).ema_20, None);
    assert_eq!(of(&prices[..AVERAGE_PERIOD]).sma_20.unwrap().observations, 20);
    assert_eq!(of(&prices[..AVERAGE_PERIOD]).ema_20, of(&prices[..AVERAGE_PERIOD]).sma_20);
    let (short, enough) = (of(&prices[..MIN_SAMPLE]), of(&prices[..=MIN_SAMPLE]));
    assert_eq!((short.realised_volatility, short.ewma_volatility, short.annualised_volatility), (None, None, None));
    assert_eq!(enough.realised_volatility.unwrap().observations, 10);
    assert_eq!(enough.return_zscore, None, "only nine returns to compare with");
    assert_eq!(of(&prices[..MIN_SAMPLE + 2]).return_zscore.unwrap().observations, 10);
}

#[test]
fn a_window_without_time_has_no_annual_volatility() {
    let at_once = |step: i64| {
        let events: Vec<_> =
            (0..=20).map(|index| trade(index * step / 20, if index % 2 == 0 { "100" } else { "101" }, "1")).collect();
        let found = of_events(&events);
        assert!(found.realised_volatility.is_some());
        found.annualised_volatility
    };
    assert_eq!(at_once(0), None);
    assert_eq!(at_once(99), None);
    assert!(at_once(100).is_some());
}

#[test]
fn equal_prices_and_sizes_have_no_scale_to_measure_by() {
    // 0.1 is not exact in f64, so its mean has a rounding error that must not pass for a deviation.
    let mut events: Vec<_> = (0..30).map(|index| trade(index * 1000, "0.1", "0.1")).collect();
    events.push(trade(30_000, "0.2", "0.2"));
    let found = of_events(&events);
    assert_eq!((found.return_zscore, found.volume_zscore), (None, None));
    assert!((number(found.realised_volatility) - 2_f64.ln()).abs() < 1e-11);
}

#[test]
fn values_known_by_hand() {
    let found = of(&["100", "110", "99"]);
    assert_eq!(found.drawdown, Some(Measured { value: decimal("0.1"), observations: 3 }));
    let change = found.change_previous.unwrap();
    assert_eq!((change.absolute, change.percent, change.observations), (decimal("-11"), decimal("-10"), 2));
    let change = found.change_window.unwrap();
    assert_eq!((change.absolute, change.percent, change.observations), (decimal("-1"), decimal("-1"), 3));
    assert_eq!(of_events(&[quote(0, "99", "101")]).spread_bps.unwrap().value, decimal("200"));
    assert_eq!(of_events(&[quote(0, "101", "99")]).spread_bps.unwrap().value, decimal("-200"));
    assert_eq!(of_events(&[trade(0, "1", "1"), trade(1, "4", "2")]).vwap.unwrap().value, decimal("3"));
}

#[test]
fn one_sided_quotes_are_passed_over() {
    let priced = [trade(0, "100", "1"), trade(2, "101", "1")];
    let with_gap = [priced[0].clone(), quote(1, "0", "5"), priced[1].clone()];
    assert_eq!(of_events(&with_gap), of_events(&priced));
    let own = of_events(&[priced[0].clone(), quote(1, "0", "5")]);
    assert_eq!((own.drawdown, own.change_previous, own.spread_bps), (None, None, None));
    assert_eq!(own.vwap.unwrap().observations, 1, "the window's trades are still there");
}

#[test]
fn bars_count_in_vwap_only_where_there_are_no_trades() {
    let bars = [bar(0, "100", "10"), bar(1, "200", "30")];
    assert_eq!(of_events(&bars).vwap.unwrap().value, decimal("175"));
    let both = [bars[0].clone(), bars[1].clone(), trade(2, "50", "1")];
    assert_eq!(of_events(&both).vwap, Some(Measured { value: decimal("50"), observations: 1 }));
    assert_eq!(of_events(&[bar(0, "100", "0")]).vwap, None);
    let mut mixed: Vec<_> =
        (0..20).map(|index| bar(index, "100", if index % 2 == 0 { "900" } else { "1000" })).collect();
    mixed.push(trade(20, "100", "1"));
    assert_eq!(of_events(&mixed).volume_zscore, None, "a trade's size is not compared with bars' volumes");
}

#[test]
fn numbers_that_do_not_fit_give_no_value_and_no_panic() {
    let largest = "79228162514264337593543950335";
    let found = of_events(&(0..40).map(|index| trade(index, largest, largest)).collect::<Vec<_>>());
    assert_eq!((found.sma_20, found.ema_20, found.vwap), (None, None, None));
    let tiny = "0.0000000000000000000000000001";
    let found = of_events(&[trade(0, tiny, tiny), trade(1, largest, largest)]);
    assert_eq!((found.change_previous, found.vwap), (None, None));
}

fn prices(count: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<Decimal>> {
    prop::collection::vec((1_i64..10_000_000).prop_map(|cents| Decimal::new(cents, 2)), count)
}

proptest! {
    #[test]
    fn values_lie_within_their_bounds(prices in prices(21..=51), sizes in prices(51..=51)) {
        let found = of_events(&trades(&prices, &sizes));
        let (low, high) = (*prices.iter().min().unwrap(), *prices.iter().max().unwrap());
        for average in [found.sma_20, found.ema_20, found.vwap] {
            let value = average.unwrap().value;
            // Rounded to 15 digits, so it may pass the bound by less than that.
            prop_assert!(value >= low - Decimal::new(1, 10) && value <= high + Decimal::new(1, 10));
        }
        let drawdown = found.drawdown.unwrap().value;
        prop_assert!(drawdown >= Decimal::ZERO && drawdown < Decimal::ONE);
        prop_assert!(number(found.realised_volatility) >= 0.0);
        prop_assert!(number(found.ewma_volatility) <= number(found.realised_volatility) * 1.000_001);
    }

    /// Prices in another unit: averages scale, everything relative stays.
    #[test]
    fn scaling_prices_scales_averages_only(prices in prices(22..=51), factor in 2_i64..1000) {
        let factor = Decimal::from(factor);
        let sizes = vec![Decimal::ONE; prices.len()];
        let scaled: Vec<Decimal> = prices.iter().map(|price| price * factor).collect();
        let (one, other) = (of_events(&trades(&prices, &sizes)), of_events(&trades(&scaled, &sizes)));
        let by = factor.to_f64().unwrap();
        for (a, b) in [(one.sma_20, other.sma_20), (one.ema_20, other.ema_20), (one.vwap, other.vwap)] {
            prop_assert!(near(number(a) * by, number(b)));
        }
        prop_assert!(near(number(one.realised_volatility), number(other.realised_volatility)));
        prop_assert!(near(number(one.annualised_volatility), number(other.annualised_volatility)));
        prop_assert!(near(number(one.ewma_volatility), number(other.ewma_volatility)));
        prop_assert_eq!(one.drawdown, other.drawdown);
        prop_assert_eq!(one.change_window.unwrap().percent, other.change_window.unwrap().percent);
        prop_assert_eq!(one.return_zscore.is_some(), other.return_zscore.is_some());
    }

    /// A constant on top of every price: averages shift by it, absolute changes stay.
    #[test]
    fn shifting_prices_shifts_averages(prices in prices(20..=51), shift in 1_i64..1_000_000) {
        let shift = Decimal::new(shift, 2);
        let sizes = vec![Decimal::ONE; prices.len()];
        let shifted: Vec<Decimal> = prices.iter().map(|price| price + shift).collect();
        let (one, other) = (of_events(&trades(&prices, &sizes)), of_events(&trades(&shifted, &sizes)));
        let by = shift.to_f64().unwrap();
        for (a, b) in [(one.sma_20, other.sma_20), (one.ema_20, other.ema_20), (one.vwap, other.vwap)] {
            prop_assert!(near(number(a) + by, number(b)));
        }
        prop_assert_eq!(one.change_previous.unwrap().absolute, other.change_previous.unwrap().absolute);
        prop_assert_eq!(one.change_window.unwrap().absolute, other.change_window.unwrap().absolute);
    }

    /// What is a sum does not care for order: the mean of exactly 20, VWAP, and the volume's moments.
    #[test]
    fn order_of_the_window_does_not_matter_to_sums(
        (prices, shuffled) in prices(20..=20).prop_flat_map(|prices| (Just(prices.clone()), Just(prices).prop_shuffle())),
        sizes in prices(20..=20),
    ) {
        let ones = vec![Decimal::ONE; 20];
        let (one, other) = (of_events(&trades(&prices, &ones)), of_events(&trades(&shuffled, &ones)));
        prop_assert_eq!(one.sma_20, other.sma_20);
        prop_assert_eq!(one.vwap, other.vwap);
        // The event stays last, the earlier ones are turned round.
        let events = trades(&prices, &sizes);
        let mut turned = events.clone();
        turned[..19].reverse();
        let (one, other) = (of_events(&events), of_events(&turned));
        prop_assert!(near(number(one.volume_zscore), number(other.volume_zscore)));
        prop_assert_eq!(one.drawdown, other.drawdown);
        prop_assert_eq!(one.vwap, other.vwap);
    }

    /// Whatever stands before the last 20 prices, the mean of 20 does not see it.
    #[test]
    fn the_mean_of_twenty_looks_at_twenty(prices in prices(20..=20), before in prices(1..=30)) {
        let all: Vec<Decimal> = before.iter().chain(&prices).copied().collect();
        let ones = vec![Decimal::ONE; all.len()];
        let (short, long) = (of_events(&trades(&prices, &ones)), of_events(&trades(&all, &ones)));
        prop_assert_eq!(short.sma_20, long.sma_20);
    }

    #[test]
    fn four_times_the_time_halves_the_annual_volatility(prices in prices(12..=40), step in 100_i64..10_000) {
        prop_assume!(prices.windows(2).any(|pair| pair[0] != pair[1]));
        let spaced = |step: i64| {
            let events = prices.iter().zip(0..).map(|(price, index)| trade(index * step, &price.to_string(), "1"));
            number(of_events(&events.collect::<Vec<_>>()).annualised_volatility)
        };
        prop_assert!(near(spaced(step), 2.0 * spaced(4 * step)));
    }

    /// Values are rounded to what they claim and survive JSON.
    #[test]
    fn indicators_survive_json(prices in prices(1..=51), sizes in prices(51..=51)) {
        let found = of_events(&trades(&prices, &sizes));
        let text = serde_json::to_string(&found).unwrap();
        prop_assert_eq!(serde_json::from_str::<Indicators>(&text).unwrap(), found.clone());
        let digits = |value: Decimal| value.normalize().mantissa().unsigned_abs().to_string().len();
        prop_assert!(found.sma_20.is_none_or(|found| digits(found.value) <= 15));
        prop_assert!(found.ewma_volatility.is_none_or(|found| digits(found.value) <= 12));
    }
}
