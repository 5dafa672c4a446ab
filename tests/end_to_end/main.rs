//! End-to-end suites: real Terraform, real function binaries, one local stack.
//!
//! Run by `make test`, or alone with `cargo test --workspace --test end_to_end`.

#![expect(clippy::unwrap_used, reason = "tests")]

mod alarms;
mod archive;
mod burst;
mod duplicates;
mod failure;
mod path;
mod permissions;
mod plan;
mod real_market;
mod rejection;
mod tracing;
