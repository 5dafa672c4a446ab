//! What happens in the session. Real trades and quotes, cut into scenes; the crash scales their prices.
//!
//! Each run has a symbol of its own: windows, move references and cool-downs are kept by symbol, so an earlier run does
//! not change what comes of this one.

use std::time::Duration;

use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::feed::event::FeedEvent;
use crate::feed::pace::Pace;
use crate::feed::poison::Poison;
use crate::feed::source;

/// 46 s of BTCUSDT; see `tests/data/README.md`.
const MARKET: &str = include_str!("../../../../tests/data/btcusdt-2021-01-08.jsonl");

/// A part of the session.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Its name.
    pub name: &'static str,
    /// What a watcher should know about it.
    pub about: &'static str,
    /// How long nothing comes before it.
    pub silence: Duration,
    /// How fast its events come.
    pub pace: Pace,
    /// Its events. Their times are set when it begins; see [`Scene::begin`].
    pub events: Vec<FeedEvent>,
}

impl Scene {
    /// The events with the times at which they happen, the first at `start`.
    pub fn begin(&self, start: Timestamp) -> Vec<FeedEvent> {
        let mut events = self.events.clone();
        if self.pace == Pace::Fast {
            // They come at once what the exchange had in seconds: a burst after a hold-up keeps the exchange's times.
            crate::feed::event::shift_times(&mut events, start);
            return events;
        }
        for (event, due) in events.iter_mut().zip(self.pace.plan(&self.events)) {
            let due = SignedDuration::try_from(due).unwrap_or_default();
            // A poison's time may be what is wrong with it.
            if !event.poison {
                event.set("timestamp", market::time::format(start.checked_add(due).unwrap_or(start)));
            }
        }
        events
    }
}

/// The session of a run, whose name is part of all ids and of the symbol. `now` is for poison that has a wrong time.
pub fn session(run: &str, now: Timestamp) -> Vec<Scene> {
    let mut market = source::parse(MARKET).0;
    let symbol = format!("BTCUSDT-{}", run.to_uppercase());
    for event in &mut market {
        event.set("symbol", symbol.as_str());
    }
    crate::feed::event::freshen_ids(&mut market, run);
    let mut market = market.into_iter();
    let mut take = |count: usize| -> Vec<FeedEvent> { market.by_ref().take(count).collect() };
    let scene = |name, about, pace, events| Scene { name, about, silence: Duration::ZERO, pace, events };
    let calm = scene("calm", "a quiet market, 6 events a second", Pace::Rate(6.0), take(60));
    let burst = scene("burst", "the opening: 300 events at once", Pace::Fast, take(300));
    let mut crash = scene("crash", "a flash crash: 9 % down and half of it back in 6 s", Pace::Rate(10.0), take(60));
    for (index, event) in crash.events.iter_mut().enumerate() {
        scale_prices(event, crash_factor(index));
    }
    let mut recovery = scene("recovery", "the feed is back after 15 s of silence", Pace::Rate(6.0), take(30));
    recovery.silence = Duration::from_secs(15);
    for event in &mut recovery.events {
        scale_prices(event, crash_factor(59));
    }
    let trades = take(200).into_iter().filter(|event| event.detail["event_type"] == "trade");
    let poison = Poison::value_variants().iter().zip(trades).map(|(poison, mut event)| {
        event.set("timestamp", market::time::format(now));
        poison.spoil(&mut event, now);
        event
    });
    let poison = scene("poison", "events that nobody can process, one of each kind", Pace::Rate(4.0), poison.collect());
    vec![calm, burst, crash, recovery, poison]
}

/// The price as a part of what it was: down by 9 % in 30 events, then up by half of that in 30.
fn crash_factor(index: usize) -> Decimal {
    let index = i64::try_from(index.min(59)).unwrap_or(59);
    let per_mille = if index < 30 { 1000 - 3 * (index + 1) } else { 910 + 3 * (index - 29) / 2 };
    Decimal::new(per_mille, 3)
}

fn scale_prices(event: &mut FeedEvent, factor: Decimal) {
    for field in ["price", "bid", "ask"] {
        let price = event.detail.get(field).and_then(|price| price.as_str()?.parse::<Decimal>().ok());
        if let Some(price) = price {
            event.set(field, (price * factor).round_dp(2).to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn good_events_are_good_and_poison_is_not() {
        for scene in session("r1", now()) {
            assert!(!scene.events.is_empty(), "{}", scene.name);
            for event in scene.begin(now()) {
                let verdict = event.check("marketdata.feed.demo", now());
                assert_eq!(verdict.is_err(), event.poison, "{}: {}: {verdict:?}", scene.name, event.detail);
            }
        }
    }

    #[test]
    fn every_kind_of_poison_is_there_once() {
        let scenes = session("r1", now());
        let poison: Vec<_> = scenes.iter().flat_map(|scene| &scene.events).filter(|event| event.poison).collect();
        assert_eq!(poison.len(), Poison::value_variants().len());
    }

    #[test]
    fn two_runs_share_neither_ids_nor_symbols() {
        let of = |run: &str, field: &str| -> HashSet<String> {
            let scenes = session(run, now());
            let events = scenes.iter().flat_map(|scene| &scene.events).filter(|event| !event.poison);
            events.map(|event| event.detail[field].as_str().unwrap().to_owned()).collect()
        };
        for field in ["event_id", "symbol"] {
            assert!(of("r1", field).is_disjoint(&of("r2", field)), "{field}");
        }
        assert_eq!(of("r1", "event_id").len(), 450);
        assert_eq!(of("r1", "symbol").len(), 1);
    }

    #[test]
    fn the_crash_falls_by_nine_per_cent_and_half_of_it_comes_back() {
        let scenes = session("r1", now());
        let prices: Vec<Decimal> =
            scenes[2].events.iter().filter_map(|event| event.detail.get("price")?.as_str()?.parse().ok()).collect();
        let (first, lowest, last) = (prices[0], *prices.iter().min().unwrap(), *prices.last().unwrap());
        let fall = |price: Decimal| (Decimal::ONE - price / first) * Decimal::ONE_HUNDRED;
        assert!(fall(lowest) > Decimal::from(8) && fall(lowest) < Decimal::from(10), "{}", fall(lowest));
        assert!(fall(last) > Decimal::from(3) && fall(last) < Decimal::from(6), "{}", fall(last));
    }

    #[test]
    fn times_follow_the_pace_from_the_start_on() {
        let calm = &session("r1", now())[0];
        let events = calm.begin(now());
        let second = events[1].timestamp().unwrap().duration_since(now());
        assert_eq!(events[0].timestamp(), Some(now()));
        assert_eq!(second.as_millis(), 166);
        assert!(events.windows(2).all(|pair| pair[0].timestamp() < pair[1].timestamp()));
    }
}
