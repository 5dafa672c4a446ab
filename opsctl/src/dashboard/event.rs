//! What the dashboard hears, and what it wants done.

use std::path::PathBuf;

use crossterm::event::{KeyEvent, MouseEvent};
use jiff::Timestamp;
use serde_json::Value;

use super::actions::{Order, Told};
use super::pages::{Loaded, Topic};
use crate::aws::AwsError;
use crate::snapshot::Update;

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The mouse was used; only with `--mouse`.
    Mouse(MouseEvent),
    /// Time has passed.
    Tick(Timestamp),
    /// A source was read, or could not be.
    Fetched(Box<Update>, Timestamp),
    /// What a page wanted was read, or could not be.
    Loaded(Topic, Box<Result<Loaded, AwsError>>, Timestamp),
    /// A change goes on, or ended.
    Told(Told, Timestamp),
    /// A signal asks the program to end: its number.
    Signal(i32),
    /// An effect has something to say.
    Said(String),
    /// An effect could not be done.
    Failed(String),
}

/// Something is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// End the program.
    Quit,
    /// Stop as the shell does on Ctrl-Z.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Read every source now.
    Refresh,
    /// Read more often.
    Faster,
    /// Read less often.
    Slower,
    /// Read what a page wants.
    Load(Topic),
    /// Put text on the terminal's clipboard.
    Copy(String),
    /// Write a value to a file.
    Export {
        /// Where to.
        file: PathBuf,
        /// What.
        value: Box<Value>,
    },
    /// A change is to be previewed, done, or stopped.
    Change(Order),
    /// Show another time; none is live.
    Travel(Option<Timestamp>),
}
