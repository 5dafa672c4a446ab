//! What lies over the screen about a change, and has the keys.

use tui_input::Input;

use super::test_event::Form;
use super::told::{Complaint, Previewed};
use crate::stack::StageName;

/// What lies over the screen.
#[derive(Debug, Clone)]
pub enum Dialog {
    /// What the preview needs is being read.
    Reading,
    /// What would be done, and the question.
    Preview(Box<Preview>),
    /// Something to read and to close.
    Notice(Notice),
    /// An event to send.
    Form(Box<Form>),
    /// A stage takes events again: are the letters that gathered to be sent?
    Offer {
        /// Which stage.
        stage: StageName,
        /// How many letters.
        letters: u64,
    },
}

/// What would be done, and the question.
#[derive(Debug, Clone)]
pub struct Preview {
    /// What would be done.
    pub shown: Previewed,
    /// The answer so far.
    pub answer: Input,
    /// Why the last answer was none.
    pub error: Option<String>,
    /// The answer is with the gate: no key changes it any more.
    pub pending: bool,
    /// The first line to show.
    pub scroll: usize,
}

impl Preview {
    /// Nothing is answered yet.
    pub fn new(shown: Previewed) -> Self {
        Self { shown, answer: Input::default(), error: None, pending: false, scroll: 0 }
    }
}

/// Something to read and to close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// In a few words.
    pub title: &'static str,
    /// What failed or was refused, and what to do.
    pub complaint: Complaint,
    /// Whether it is an error; else it only explains.
    pub is_error: bool,
}
