//! Pages: what opens above the panels when a row is looked into.

use std::sync::Arc;

use serde::Serialize;

use super::actions::Paper;
use super::cursor::Cursor;
use crate::aws::alarms::Transition;
use crate::aws::dead_letters::DeadLetter;
use crate::aws::events::EventDetail;
use crate::aws::traces::{TraceSummary, Waterfall};
use crate::snapshot::Source;
use crate::stack::StageName;

/// What a page is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Topic {
    /// A stage's curves, function and queue.
    Stage(StageName),
    /// An alarm, by its name.
    Alarm(String),
    /// The letters of a stage's queue.
    Letters(StageName),
    /// One of them.
    Letter(Box<DeadLetter>),
    /// An event, by its id, and what each stage did with it.
    Event(String),
    /// The traces that a service has a part in.
    Traces(String),
    /// One trace, by its id.
    Trace(String),
    /// What came of a change.
    Report(Arc<Paper>),
}

/// What was read for a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Loaded {
    /// Letters of a queue.
    Letters(Vec<DeadLetter>),
    /// All that is known of an event.
    Event(Box<EventDetail>),
    /// Traces in short.
    Traces(Vec<TraceSummary>),
    /// One trace.
    Trace(Waterfall),
    /// What an alarm did.
    History(Vec<Transition>),
    /// The snapshot has all of it.
    Nothing,
}

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What it is about.
    pub topic: Topic,
    /// Its selected row, when it is a list.
    pub cursor: Cursor,
    /// The first line to show, when it is text.
    pub scroll: usize,
    /// What was read for it; never read when the snapshot has all of it.
    pub data: Source<Loaded>,
    /// Whether that is being read.
    pub loading: bool,
}

impl Topic {
    /// Whether its page needs more than the snapshot has.
    pub fn needs_loading(&self) -> bool {
        !matches!(self, Self::Stage(_) | Self::Letter(_) | Self::Report(_))
    }

    /// What stands in the page's title.
    pub fn title(&self) -> String {
        match self {
            Self::Stage(stage) => format!("Stage {stage}"),
            Self::Alarm(name) => format!("Alarm {name}"),
            Self::Letters(stage) => format!("Dead letters of {stage}"),
            Self::Letter(letter) => format!("Dead letter {}", letter.message_id),
            Self::Event(id) => format!("Event {id}"),
            Self::Traces(service) => format!("Traces of {service}"),
            Self::Trace(id) => format!("Trace {id}"),
            Self::Report(paper) => paper.title.clone(),
        }
    }
}

impl Page {
    /// A page that nothing was read for yet.
    pub fn new(topic: Topic) -> Self {
        let loading = topic.needs_loading();
        // Read once, when it is opened: old after a minute, and after ten it says nothing about now.
        Self { topic, cursor: Cursor::default(), scroll: 0, data: Source::new(60, 600), loading }
    }

    /// The letters that were read for it.
    pub fn letters(&self) -> Option<&[DeadLetter]> {
        match &self.data.data {
            Some(Loaded::Letters(letters)) => Some(letters),
            _ => None,
        }
    }

    /// The traces that were read for it.
    pub fn traces(&self) -> Option<&[TraceSummary]> {
        match &self.data.data {
            Some(Loaded::Traces(traces)) => Some(traces),
            _ => None,
        }
    }

    /// The trace that it leads to: that of the event, of which there may be several, the first.
    pub fn trace_of_event(&self) -> Option<&str> {
        match &self.data.data {
            Some(Loaded::Event(detail)) => detail.traces.first().map(String::as_str),
            _ => None,
        }
    }
}
