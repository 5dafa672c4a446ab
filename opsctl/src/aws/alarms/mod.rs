//! `CloudWatch` alarms: how they are, how they were, and what they did.

mod history;
mod state;

pub use history::{Transition, at, history};
pub use state::{Alarm, AlarmState, read};
