//! The events table.

mod detail;
mod read;
mod row;
mod search;

pub use detail::{EventDetail, EventRow, detail};
pub use read::{Known, recent, refresh, until};
pub use row::{EventKey, KEYS_PER_BATCH, StoredEvent, batch};
pub use search::{Found, Search, search};
