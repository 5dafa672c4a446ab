//! The indicators against an independent implementation: `tests/data/golden.csv`, made by `golden.py` beside it.

use std::{collections::BTreeMap, fs, path::Path};

use market::{
    event::{Body, MarketEvent},
    indicators::{Change, Indicators, Measured, compute},
};
use rust_decimal::prelude::ToPrimitive;

use crate::support::{decimal, real_events, window_of};

/// Both sides round once to 15 digits, from at least 28: the text must be the same.
fn assert_exact(name: &str, row: &str, expected: &str, found: Option<rust_decimal::Decimal>) {
    let found = found.map(market::decimal::format).unwrap_or_default();
    assert_eq!(found, expected, "{name} of {row}");
}

/// 12 digits are kept; a z-score near 0 is a difference of near numbers, hence the absolute part.
fn assert_close(name: &str, row: &str, expected: &str, found: Option<Measured>) {
    let found = found.map(|measured| measured.value.to_f64().unwrap());
    let expected = (!expected.is_empty()).then(|| expected.parse::<f64>().unwrap());
    match (expected, found) {
        (None, None) => {}
        (Some(expected), Some(found)) => {
            let tolerance = 1e-9 * expected.abs() + 1e-10 * f64::from(u8::from(name.ends_with("zscore")));
            assert!((found - expected).abs() <= tolerance, "{name} of {row}: {found} is not {expected}");
        }
        _ => panic!("{name} of {row}: {found:?} is not {expected:?}"),
    }
}

fn compare(row: &BTreeMap<&str, &str>, found: &Indicators) {
    let id = row["event_id"];
    let value = |measured: Option<Measured>| measured.map(|measured| measured.value);
    assert_exact("sma_20", id, row["sma_20"], value(found.sma_20));
    assert_exact("ema_20", id, row["ema_20"], value(found.ema_20));
    assert_exact("vwap", id, row["vwap"], value(found.vwap));
    assert_exact("spread_bps", id, row["spread_bps"], value(found.spread_bps));
    assert_exact("drawdown", id, row["drawdown"], value(found.drawdown));
    for (name, change) in [("change_previous", found.change_previous), ("change_window", found.change_window)] {
        let (absolute, percent) = (format!("{name}_absolute"), format!("{name}_percent"));
        assert_exact(&absolute, id, row[absolute.as_str()], change.map(|change: Change| change.absolute));
        assert_exact(&percent, id, row[percent.as_str()], change.map(|change| change.percent));
    }
    assert_close("realised_volatility", id, row["realised_volatility"], found.realised_volatility);
    assert_close("annualised_volatility", id, row["annualised_volatility"], found.annualised_volatility);
    assert_close("ewma_volatility", id, row["ewma_volatility"], found.ewma_volatility);
    assert_close("return_zscore", id, row["return_zscore"], found.return_zscore);
    assert_close("volume_zscore", id, row["volume_zscore"], found.volume_zscore);
}

#[test]
fn indicators_of_real_events_agree_with_numpy_and_pandas() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden.csv");
    let table = fs::read_to_string(path).unwrap();
    let mut lines = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let mixed = real_events();
    let trades: Vec<MarketEvent> = mixed.iter().filter(|event| matches!(event.body, Body::Trade(_))).cloned().collect();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines {
        let row: BTreeMap<&str, &str> = header.iter().copied().zip(line).collect();
        let events = if row["series"] == "trades" { &trades } else { &mixed };
        let index = events.iter().position(|event| event.event_id.as_str() == row["event_id"]).unwrap();
        let window = window_of(events, index, 50);
        assert_eq!(window.len().to_string(), row["window"], "window of {}", row["event_id"]);
        compare(&row, &compute(&events[index], &window));
        for (column, value) in &row {
            *seen.entry(column).or_default() += usize::from(!value.is_empty());
        }
    }
    // The table is not empty where it matters.
    for column in header {
        assert!(seen[column] >= 10, "only {} values of {column}", seen[column]);
    }
    assert_eq!(decimal(&seen["sma_20"].to_string()).to_usize(), Some(seen["ema_20"]));
}
