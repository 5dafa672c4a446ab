//! opsctl as a process, without a stack.
#![expect(clippy::expect_used, reason = "a test that cannot go on should stop there and say where")]

mod bare;
mod commands;
mod letters;
