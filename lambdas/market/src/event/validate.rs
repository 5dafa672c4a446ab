use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::{
    canonical_json,
    fields::Fields,
    types::{Bar, Body, EventType, MarketEvent, Quote, Side, Trade},
};
use crate::{
    decimal,
    envelope::Envelope,
    fault::{FaultCode, Rejection, RejectionCode, quote, type_name},
    identifier::{Currency, EventId, Symbol},
    time,
};

/// The schema version of raw details and derived events that this code knows.
pub const SCHEMA_VERSION: u32 = 1;
/// Most bytes of a raw detail (as canonical JSON). A market event needs less than 1 KB; the limit keeps an event far from
/// the 256 KB of `EventBridge` and the 400 KB of a `DynamoDB` item, with room for the enrichment.
pub const MAX_DETAIL_BYTES: usize = 64 * 1024;
/// Most characters of a venue.
pub const MAX_VENUE_CHARS: usize = 64;
/// Most bytes of a source (`EventBridge`'s own limit).
pub const MAX_SOURCE_BYTES: usize = 256;

/// What is known of a raw detail besides itself: from its envelope and from the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt<'a> {
    /// The envelope's id: the event's id when the detail has none (stable over Lambda's retries).
    pub envelope_id: &'a str,
    /// The envelope's time: the event's time when the detail has none.
    pub envelope_time: Timestamp,
    /// The envelope's source.
    pub source: &'a str,
    /// When the receiver got it, for the check against times in the future.
    pub received_at: Timestamp,
    /// How far ahead of `received_at` an event's time may be.
    pub max_future_skew: Duration,
}

impl<'a> Receipt<'a> {
    /// The receipt of an envelope.
    pub fn new(envelope: &'a Envelope, received_at: Timestamp, max_future_skew: Duration) -> Self {
        Self {
            envelope_id: &envelope.id,
            envelope_time: envelope.time,
            source: &envelope.source,
            received_at,
            max_future_skew,
        }
    }
}

/// Validates a raw detail (schema version 1) and normalises it. Every fault is reported, not only the first; an unknown
/// `schema_version` is the one exception: the rules of version 1 say nothing about such a detail.
///
/// Optional fields that are null count as absent; unknown fields are allowed. Never panics, whatever the value.
pub fn validate(detail: &Value, receipt: &Receipt<'_>) -> Result<MarketEvent, Rejection> {
    let object = object(detail)?;
    check_version(object)?;
    let size = canonical_json(detail).len();
    if size > MAX_DETAIL_BYTES {
        let message = format!("detail has {size} bytes, more than the {MAX_DETAIL_BYTES} allowed");
        return Err(Rejection::single(RejectionCode::Validation, "", FaultCode::TooLarge, message));
    }
    let mut fields = Fields::new(object);
    let event_id = match fields.get("event_id") {
        Some(_) => fields.text("event_id"),
        None => Some(receipt.envelope_id),
    };
    let event_id = event_id.and_then(|id| fields.checked("event_id", id, EventId::new));
    let timestamp = match fields.get("timestamp") {
        Some(_) => read_time(&mut fields),
        None => Some(time::truncate(receipt.envelope_time)),
    };
    if let Some(timestamp) = timestamp {
        check_skew(&mut fields, timestamp, receipt);
    }
    read_event(fields, event_id, timestamp, Some(receipt.source))
}

/// Reads an event that a stage of ours wrote (see [`MarketEvent`]'s wire form) with the same checks.
pub(super) fn read_normalised(value: &Value) -> Result<MarketEvent, Rejection> {
    let mut fields = Fields::new(object(value)?);
    let event_id = fields.required_text("event_id").and_then(|id| fields.checked("event_id", id, EventId::new));
    let timestamp = fields.require("timestamp").and_then(|_| read_time(&mut fields));
    let source = fields.required_text("source");
    read_event(fields, event_id, timestamp, source)
}

fn object(value: &Value) -> Result<&Map<String, Value>, Rejection> {
    value.as_object().ok_or_else(|| {
        let message = format!("must be an object, not {}", type_name(value));
        Rejection::single(RejectionCode::Malformed, "detail", FaultCode::WrongType, message)
    })
}

/// Version 1, or absent (or null), which means 1.
pub(crate) fn check_version(object: &Map<String, Value>) -> Result<(), Rejection> {
    let known = match object.get("schema_version") {
        None | Some(Value::Null) => return Ok(()),
        // Compared as a decimal: some writers have only floating-point numbers and send 1.0.
        Some(value @ Value::Number(_)) => decimal::from_json(value) == Ok(Decimal::from(SCHEMA_VERSION)),
        Some(_) => false,
    };
    if known {
        return Ok(());
    }
    let version = object.get("schema_version").map(canonical_json).unwrap_or_default();
    let message = format!("version {} is not known; this stage knows version {SCHEMA_VERSION}", quote(&version));
    Err(Rejection::single(RejectionCode::UnknownVersion, "schema_version", FaultCode::UnknownVersion, message))
}

fn read_time(fields: &mut Fields<'_>) -> Option<Timestamp> {
    let text = fields.text("timestamp")?;
    let time = time::parse(text);
    if let Err(error) = time {
        fields.fault("timestamp", FaultCode::BadFormat, format!("{error}, not {}", quote(text)));
    }
    time.ok()
}

fn check_skew(fields: &mut Fields<'_>, timestamp: Timestamp, receipt: &Receipt<'_>) {
    // A limit past the end of time is no limit.
    let latest = receipt.received_at.checked_add(receipt.max_future_skew).unwrap_or(Timestamp::MAX);
    if timestamp > latest {
        let message = format!(
            "{} is more than {} s ahead of the receipt at {}",
            time::format(timestamp),
            receipt.max_future_skew.as_secs(),
            time::format(receipt.received_at)
        );
        fields.fault("timestamp", FaultCode::OutOfRange, message);
    }
}

fn read_event(
    mut fields: Fields<'_>,
    event_id: Option<EventId>,
    timestamp: Option<Timestamp>,
    source: Option<&str>,
) -> Result<MarketEvent, Rejection> {
    let symbol = fields.required_text("symbol").and_then(|text| fields.checked("symbol", text, Symbol::new));
    let source = source.filter(|source| {
        let fits = !source.is_empty() && source.len() <= MAX_SOURCE_BYTES && !source.chars().any(char::is_control);
        if !fits {
            let message = format!("must be 1 to {MAX_SOURCE_BYTES} bytes without control characters");
            fields.fault("source", FaultCode::BadFormat, message);
        }
        fits
    });
    let venue = fields.text("venue").map(str::to_owned);
    if let Some(venue) = &venue
        && (venue.is_empty() || venue.chars().nth(MAX_VENUE_CHARS).is_some() || venue.chars().any(char::is_control))
    {
        let message = format!("must be 1 to {MAX_VENUE_CHARS} characters, none of them a control character");
        fields.fault("venue", FaultCode::BadFormat, message);
    }
    let sequence = fields.u64("sequence");
    let currency = fields.text("currency").and_then(|text| fields.checked("currency", text, Currency::new));
    let known: Vec<(&str, EventType)> = EventType::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
    let event_type = fields.require("event_type").and_then(|_| fields.choice("event_type", &known));
    let body = match event_type {
        Some(EventType::Trade) => read_trade(&mut fields).map(Body::Trade),
        Some(EventType::Quote) => read_quote(&mut fields).map(Body::Quote),
        Some(EventType::Bar) => read_bar(&mut fields).map(Body::Bar),
        // Without a type nothing can be said about the other fields; the type's own fault is there.
        None => None,
    };
    match (event_id, symbol, timestamp, source, body) {
        (Some(event_id), Some(symbol), Some(timestamp), Some(source), Some(body)) if fields.faults.is_empty() => {
            Ok(MarketEvent { event_id, symbol, timestamp, source: source.to_owned(), venue, sequence, currency, body })
        }
        _ => Err(Rejection::new(RejectionCode::Validation, fields.faults)),
    }
}

fn read_trade(fields: &mut Fields<'_>) -> Option<Trade> {
    let (price, size) = (fields.positive("price"), fields.positive("size"));
    let aggressor = fields.choice("side", &[("buy", Side::Buy), ("sell", Side::Sell)]);
    Some(Trade { price: price?, size: size?, side: aggressor })
}

fn read_quote(fields: &mut Fields<'_>) -> Option<Quote> {
    let (bid, ask) = (fields.not_negative("bid"), fields.not_negative("ask"));
    let (bid_size, ask_size) = (fields.not_negative("bid_size"), fields.not_negative("ask_size"));
    Some(Quote { bid: bid?, ask: ask?, bid_size: bid_size?, ask_size: ask_size? })
}

fn read_bar(fields: &mut Fields<'_>) -> Option<Bar> {
    let [open, high, low, close] = ["open", "high", "low", "close"].map(|field| fields.positive(field));
    let volume = fields.not_negative("volume");
    let mut ordered = |field: &str, value: Option<Decimal>, low: Option<Decimal>, high: Option<Decimal>| {
        let shown = value.map(decimal::format).unwrap_or_default();
        if let (Some(value), Some(low)) = (value, low)
            && value < low
        {
            let message = format!("{shown} is below the low {}", decimal::format(low));
            fields.fault(field, FaultCode::Inconsistent, message);
        }
        if let (Some(value), Some(high)) = (value, high)
            && value > high
        {
            let message = format!("{shown} is above the high {}", decimal::format(high));
            fields.fault(field, FaultCode::Inconsistent, message);
        }
    };
    ordered("low", low, None, high);
    ordered("open", open, low, high);
    ordered("close", close, low, high);
    Some(Bar { open: open?, high: high?, low: low?, close: close?, volume: volume? })
}
