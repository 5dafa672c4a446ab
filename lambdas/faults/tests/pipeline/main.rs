//! The whole pipeline under every fault and in every order.
#![allow(clippy::unwrap_used)]

mod faults;
mod interleavings;
mod storm;
mod support;
mod time;
