//! Replays of the archive: what one would do, and how far one is.

mod cost;
mod plan;
mod watch;

pub use cost::Cost;
pub use plan::{Events, LAG, Mail, PlannedRule, ReplayPlan, Span, human_time, new_name, plan};
pub use watch::{Watched, watch};
