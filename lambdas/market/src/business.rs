//! Business rules: what is unusual about an event, as tags.

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;

use crate::{
    decimal,
    enrichment::Enrichment,
    event::{MarketEvent, Quote},
    identifier::IdentifierError,
    indicators::Measured,
    observation::Observation,
};

/// Something unusual about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tag {
    /// The return from the previous price is far outside the window's returns.
    PriceSpike,
    /// The traded amount is far above the window's.
    VolumeSpike,
    /// The annualised volatility is above the regime's limit.
    VolatilityRegime,
    /// The quote's spread is wide.
    SpreadWide,
    /// The quote's bid is above its ask.
    Crossed,
    /// The quote's bid equals its ask.
    Locked,
    /// An earlier event has a higher sequence number.
    OutOfOrder,
    /// Sequence numbers are missing before this event.
    SequenceGap,
}

impl Tag {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::PriceSpike,
        Self::VolumeSpike,
        Self::VolatilityRegime,
        Self::SpreadWide,
        Self::Crossed,
        Self::Locked,
        Self::OutOfOrder,
        Self::SequenceGap,
    ];

    /// The text in the table, on the bus and in rules: `price_spike` …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PriceSpike => "price_spike",
            Self::VolumeSpike => "volume_spike",
            Self::VolatilityRegime => "volatility_regime",
            Self::SpreadWide => "spread_wide",
            Self::Crossed => "crossed",
            Self::Locked => "locked",
            Self::OutOfOrder => "out_of_order",
            Self::SequenceGap => "sequence_gap",
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Tag {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|tag| tag.as_str() == text).ok_or(IdentifierError("a known tag"))
    }
}

/// Limits of the business rules. The defaults were chosen on a busy minute of `BTCUSDT` (2,452 events): at most one event in
/// a hundred has each of the tags. The volatility is of seconds of ticks, see [`indicators`](crate::indicators). In JSON every field may be left out; unknown fields are ignored, since the same document
/// (`processing/config`) carries other settings too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Thresholds {
    /// `price_spike`: least |return z-score|.
    #[serde(with = "decimal::as_text")]
    pub price_spike_zscore: Decimal,
    /// `price_spike`: and least |change| from the previous price in percent. In a quiet market a single tick is many
    /// deviations; a spike must also be a move.
    #[serde(with = "decimal::as_text")]
    pub price_spike_percent: Decimal,
    /// `volume_spike`: least volume z-score.
    #[serde(with = "decimal::as_text")]
    pub volume_spike_zscore: Decimal,
    /// `volatility_regime`: least annualised volatility, as a fraction (1.5 is 150 %).
    #[serde(with = "decimal::as_text")]
    pub volatility_regime: Decimal,
    /// `spread_wide`: least spread in basis points.
    #[serde(with = "decimal::as_text")]
    pub spread_wide_bps: Decimal,
    /// `sequence_gap`: least number of sequence numbers missing, at least 1. Events of one time do not see each other and
    /// others are still on their way, so small gaps are ordinary.
    #[serde(deserialize_with = "whole_number")]
    pub sequence_gap: u64,
    /// Tags that raise an alert by themselves, without any alert rule: `price_spike` alone, which is rare and means that
    /// somebody should look. The others are common (volume, volatility), describe the data rather than the market (crossed,
    /// locked, wide, order, gaps), or both; who wants to be told of them writes a rule of kind `tag`.
    pub alert_tags: Vec<Tag>,
}

/// By way of a JSON value: below `#[serde(flatten)]`, where settings embed this, `serde_json` with `arbitrary_precision`
/// does not give plain integers.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Value::deserialize(deserializer)?.as_u64().ok_or_else(|| D::Error::custom("must be a whole number of at least 0"))
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            price_spike_zscore: Decimal::from(6),
            price_spike_percent: Decimal::new(1, 1),
            volume_spike_zscore: Decimal::from(10),
            volatility_regime: Decimal::from(15),
            spread_wide_bps: Decimal::from(25),
            sequence_gap: 50,
            alert_tags: vec![Tag::PriceSpike],
        }
    }
}

impl Thresholds {
    /// One of the tags raises an alert by itself.
    pub fn raises_alert(&self, tags: &[Tag]) -> bool {
        tags.iter().any(|tag| self.alert_tags.contains(tag))
    }
}

/// The tags of an event, each once, in the order of [`Tag::ALL`].
pub fn tag(event: &MarketEvent, window: &[Observation], enrichment: &Enrichment, thresholds: &Thresholds) -> Vec<Tag> {
    let indicators = &enrichment.indicators;
    let at_least = |measured: Option<Measured>, limit: Decimal| measured.is_some_and(|found| found.value >= limit);
    let spike = indicators.return_zscore.is_some_and(|found| found.value.abs() >= thresholds.price_spike_zscore)
        && indicators.change_previous.is_some_and(|change| change.percent.abs() >= thresholds.price_spike_percent);
    // Each venue and each type of event numbers for itself; the index shows the type, not the venue.
    let alike = window.iter().filter(|seen| seen.event_type == event.event_type());
    let highest = alike.filter_map(|seen| seen.sequence).max();
    let missing = event.sequence.zip(highest).and_then(|(own, highest)| own.checked_sub(highest)?.checked_sub(1));
    let holds = |tag: Tag| match tag {
        Tag::PriceSpike => spike,
        Tag::VolumeSpike => at_least(indicators.volume_zscore, thresholds.volume_spike_zscore),
        Tag::VolatilityRegime => at_least(indicators.annualised_volatility, thresholds.volatility_regime),
        Tag::SpreadWide => at_least(indicators.spread_bps, thresholds.spread_wide_bps),
        Tag::Crossed => event.quote().is_some_and(Quote::is_crossed),
        Tag::Locked => event.quote().is_some_and(Quote::is_locked),
        Tag::OutOfOrder => event.sequence.zip(highest).is_some_and(|(own, highest)| own < highest),
        Tag::SequenceGap => missing.is_some_and(|missing| missing >= thresholds.sequence_gap.max(1)),
    };
    Tag::ALL.into_iter().filter(|tag| holds(*tag)).collect()
}
