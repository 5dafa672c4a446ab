//! The whole pipeline under every fault and in every order.
#![allow(clippy::unwrap_used)]

mod faults;
mod support;
