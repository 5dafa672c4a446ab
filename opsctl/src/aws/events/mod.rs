//! The events table.

mod read;
mod row;

pub use read::{Known, recent, refresh, until};
pub use row::{EventKey, KEYS_PER_BATCH, StoredEvent, batch};
