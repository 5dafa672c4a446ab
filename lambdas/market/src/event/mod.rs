//! The market event: types, validation of the raw detail, and the form on the wire.

mod canonical;
mod fields;
mod types;
mod validate;
mod wire;

pub use crate::identifier::{Currency, EventId, Symbol};
pub use canonical::canonical_json;
pub(crate) use fields::Fields;
pub use types::{Bar, Body, EventType, MarketEvent, Quote, Side, Trade};
pub(crate) use validate::check_version;
pub use validate::{MAX_DETAIL_BYTES, MAX_SOURCE_BYTES, MAX_VENUE_CHARS, Receipt, SCHEMA_VERSION, validate};
