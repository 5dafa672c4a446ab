//! What the person wants changed, and what the operator is told to do about it.

use super::test_event::TestEvent;
use crate::change::Change;
use crate::redrive::{Request, Wishes};
use crate::stack::StageName;

/// A change that the person asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// Send dead letters again.
    Redrive(Box<Request>),
    /// Keep a stage from taking events.
    Pause(StageName),
    /// Let it take events again.
    Resume(StageName),
    /// Send an event.
    SendTestEvent(Box<TestEvent>),
}

impl Wanted {
    /// What it is on the allow-list.
    pub fn change(&self) -> Change {
        match self {
            Self::Redrive(_) => Change::Redrive,
            Self::Pause(_) => Change::Pause,
            Self::Resume(_) => Change::Resume,
            Self::SendTestEvent(_) => Change::SendTestEvents,
        }
    }

    /// What is done before it can be previewed; stands alone.
    pub fn reading(&self) -> String {
        match self {
            Self::Redrive(request) => {
                let queues: Vec<&str> = request.queues.iter().map(|queue| queue.as_str()).collect();
                format!("reading the dead letters of {}", queues.join(", "))
            }
            Self::SendTestEvent(event) => format!("making an event of {}", event.symbol),
            Self::Pause(stage) | Self::Resume(stage) => format!("reading how {stage} is"),
        }
    }
}

/// What the operator is to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Read what a preview needs.
    Prepare(Wanted),
    /// Make the plan of the redrive anew with these wishes.
    PlanAgain(Wishes),
    /// Do what was previewed; this is the answer to its question.
    Confirm(String),
    /// Forget what was previewed.
    Forget,
    /// Stop what goes on: end what is under way, give back the rest.
    Stop,
}
