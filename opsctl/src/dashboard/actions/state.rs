//! What the screen knows of changes.

use std::sync::Arc;

use tui_input::Input;

use super::dialog::Dialog;
use super::marks::Marks;
use super::paper::Paper;
use super::work::Work;
use crate::dashboard::keys::Scope;
use crate::invocation::opsctl;

/// What the screen knows of changes.
#[derive(Debug, Clone, Default)]
pub struct Actions {
    /// The letters that are marked.
    pub marks: Marks,
    /// What lies over the screen.
    pub dialog: Option<Dialog>,
    /// What goes on.
    pub work: Option<Work>,
    /// The program ends as soon as nothing is under way any more.
    pub leaving: Option<Leaving>,
    /// What came of the last redrive.
    pub last: Option<Arc<Paper>>,
    /// What quitting has ended, to be said once the terminal is given back.
    pub parting: Option<String>,
}

/// Why the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// The person quit.
    Quit,
    /// A signal asked for it: its number.
    Signal(i32),
}

impl Actions {
    /// Where keys are looked up while a dialog is open; none when there is none.
    pub fn scopes(&self) -> Option<Vec<Scope>> {
        let scope = match self.dialog.as_ref()? {
            Dialog::Reading => Scope::Reading,
            Dialog::Preview(preview) if preview.shown.needed.is_some() => {
                return Some(vec![Scope::Confirm, Scope::Text, Scope::Always]);
            }
            Dialog::Preview(_) => return Some(vec![Scope::Confirm, Scope::Notice, Scope::Always]),
            Dialog::Form(_) => return Some(vec![Scope::Form, Scope::Text, Scope::Always]),
            Dialog::Notice(_) => Scope::Notice,
            Dialog::Offer { .. } => Scope::Offer,
        };
        Some(vec![scope, Scope::Always])
    }

    /// The line that is typed in, when there is one.
    pub fn input(&mut self) -> Option<&mut Input> {
        match &mut self.dialog {
            Some(Dialog::Form(form)) => Some(form.field()),
            Some(Dialog::Preview(preview)) if preview.shown.needed.is_some() => Some(&mut preview.answer),
            _ => None,
        }
    }

    /// True while something is under way that must not simply be left.
    pub fn is_busy(&self) -> bool {
        self.work.as_ref().is_some_and(Work::is_busy)
    }

    /// What to say once the terminal is given back: what came of a run that quitting has ended, or how to go on with one
    /// that was left.
    pub fn farewell(&self) -> Option<String> {
        match &self.work {
            Some(work) if work.is_busy() => Some(match &work.run {
                Some(run) => format!(
                    "run {run} was left under way. Nothing is lost: letters in hand are seen again within a minute.\n\
                     to go on: {}",
                    opsctl(format!("redrive dlq --resume {run}"))
                ),
                None => "letters that were being read are seen again within a minute; nothing was changed".to_owned(),
            }),
            _ => self.parting.clone(),
        }
    }
}
