//! Says what is being done and how long it took: a line a step, and a sign of life within a long one.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde::Serialize;

use crate::error::Result;
use crate::output::Printer;

/// How often a long step says something where no spinner can turn.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// A step that was done.
#[derive(Debug, Clone, Serialize)]
pub struct Done {
    /// Its name.
    pub step: &'static str,
    /// What came of it.
    pub outcome: String,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// Runs steps and keeps what came of them.
#[derive(Debug)]
pub struct Steps<'a> {
    printer: &'a Printer,
    done: Vec<Done>,
}

/// Handed to a step, to say how far it is.
#[derive(Debug)]
pub struct Ticker<'a> {
    printer: &'a Printer,
    step: &'static str,
    spinner: ProgressBar,
    said: Mutex<Instant>,
}

impl<'a> Steps<'a> {
    /// Nothing is done yet.
    pub fn new(printer: &'a Printer) -> Self {
        Self { printer, done: Vec::new() }
    }

    /// Does a step. It returns its value and, in a few words, what came of it.
    pub async fn step<T>(
        &mut self,
        step: &'static str,
        work: impl AsyncFnOnce(&Ticker<'a>) -> Result<(T, String)>,
    ) -> Result<T> {
        let started = Instant::now();
        let ticker =
            Ticker { printer: self.printer, step, spinner: self.printer.spinner(step), said: Mutex::new(started) };
        let result = work(&ticker).await;
        ticker.spinner.finish_and_clear();
        let seconds = started.elapsed().as_secs_f64();
        match result {
            Ok((value, outcome)) => {
                self.printer.note(format!("{step:<10} {outcome} ({seconds:.1} s)"));
                self.done.push(Done { step, outcome, seconds });
                Ok(value)
            }
            Err(error) => {
                self.printer.note(format!("{step:<10} failed after {seconds:.1} s"));
                Err(error)
            }
        }
    }

    /// What was done, in order.
    pub fn into_done(self) -> Vec<Done> {
        self.done
    }
}

impl Ticker<'_> {
    /// How far the step is. On a terminal it shows at once; elsewhere now and then.
    pub fn at(&self, progress: &str) {
        self.spinner.set_message(format!("{:<10} {progress}", self.step));
        if !self.spinner.is_hidden() {
            return;
        }
        // Poisoned only when a thread panicked in here, and nothing here does.
        if let Ok(mut said) = self.said.lock()
            && said.elapsed() >= SIGN_OF_LIFE
        {
            *said = Instant::now();
            self.printer.note(format!("{:<10} … {progress}", self.step));
        }
    }

    /// Something the user should read, whenever it happens.
    pub fn say(&self, message: &str) {
        self.spinner.suspend(|| self.printer.note(format!("{:<10} {message}", self.step)));
    }
}
