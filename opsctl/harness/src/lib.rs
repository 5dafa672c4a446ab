//! Drives the real `opsctl` as a person does: in a terminal of its own, whose screen is read and whose keys are pressed.
//!
//! [`Terminal`] is a pseudo-terminal with a program in it. [`FakeAws`] is what that program finds in AWS's place: a small
//! pipeline whose state a test sets, and whose services hang, throttle, refuse and break off as the test wants.
//!
//! Nothing here asserts how long something takes. Waits have a generous limit whose only use is to end a run that will
//! not succeed; it then says what was on the screen.

// The harness is test code: what cannot go on stops there and says where.
#![allow(clippy::expect_used, clippy::unwrap_used)]

pub mod aws;
pub mod picture;
pub mod terminal;

pub use aws::{FakeAws, Service, Trouble, World};
pub use terminal::{Modes, Terminal};
