//! One file a command: its arguments, what it does, and the report it returns.

pub mod alarms;
pub mod completions;
pub mod dashboard;
pub mod demo;
mod dispatch;
pub mod dlq;
pub mod events;
pub mod journal;
pub mod local;
pub mod man;
pub mod pause;
pub mod redrive;
pub mod replay;
pub mod rules;
pub mod send_test_event;
pub mod status;
pub mod trace;

pub use dispatch::run;
