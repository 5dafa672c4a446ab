//! End-to-end suites: real Terraform, real function binaries, one local stack.
//!
//! Run by `make test`, or alone with `cargo test --workspace --test end_to_end`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "helpers outside of #[test] functions are test code too")]

mod acting;
mod alarms;
mod alerting;
mod archive;
mod burst;
mod duplicates;
mod failure;
mod interrupts;
mod letters;
mod mending;
mod path;
mod pause;
mod permissions;
mod plan;
mod real_market;
mod redrive;
mod rejection;
mod replays;
mod sending;
mod tracing;
