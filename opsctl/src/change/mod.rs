//! The only way to a change of the stack: what may be done at all, what exactly will be done, and who said yes.
//!
//! Commands and the dashboard alike make a [`Preview`], ask the [`Gate`] what it needs, and get a [`Permit`] for the answer.
//! Functions that change something take that permit, and nothing else makes one.

mod gate;
mod kind;
mod preview;

pub use gate::{Gate, Needed, Permit, allowed};
pub use kind::Change;
pub use preview::{Call, Preview};
