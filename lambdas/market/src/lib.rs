//! The market-data domain, pure: what an event is, what can be computed from events, when somebody must be told.
//!
//! No AWS, no async, no clock: time and everything else from outside comes in as an argument, so each function here can
//! be tested with values alone and gives the same answer on a retry. The Lambda functions and `opsctl` share this code.
//!
//! The way of an event through the crate:
//!
//! 1. [`envelope::Envelope::parse`] reads what `EventBridge` delivered; [`event::validate`] turns a raw detail into a
//!    [`event::MarketEvent`] or a [`fault::Rejection`] that lists every fault at once.
//! 2. [`derived::ValidatedDetail`] carries it to processing, [`derived::AlertDetail`] from there to notification.
//! 3. [`enrichment::enrich`] computes the indicators from a window of [`observation::Observation`]s,
//!    [`business::tag`] names what is unusual; [`judgement::judge`] is both, and whether an alert is due.
//! 4. [`rules::RulesDocument::parse`] reads the alert rules, [`rules::evaluate`] says which fire,
//!    [`rules::cooldown_key`] which of them are one alert, and [`message::render`] writes the mail.
//!
//! Numbers: prices, sizes and amounts are [`rust_decimal::Decimal`] and never pass through `f64`; see [`decimal`].
//! Times: [`jiff::Timestamp`], at microsecond resolution, written with exactly six fractional digits; see [`time`].

pub mod business;
pub mod decimal;
pub mod derived;
pub mod enrichment;
pub mod envelope;
pub mod event;
pub mod fault;
pub mod identifier;
pub mod indicators;
pub mod judgement;
pub mod message;
pub mod observation;
pub mod rules;
pub mod sampling;
pub mod time;
