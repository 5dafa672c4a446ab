//! Work on dead letters: which of them are meant, and every one of them in hand.

mod select;

pub use select::{Age, Selectors};
