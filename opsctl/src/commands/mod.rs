//! One file a command: its arguments, what it does, and the report it returns.

pub mod completions;
pub mod dashboard;
pub mod demo;
mod dispatch;
pub mod dlq;
pub mod journal;
pub mod local;
pub mod man;
pub mod pause;
pub mod redrive;
pub mod send_test_event;
pub mod status;

pub use dispatch::run;
