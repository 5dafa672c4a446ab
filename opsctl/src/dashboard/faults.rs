//! A panic on demand, so that tests see the terminal given back after one. Release builds have nothing of it.

use crossterm::event::{KeyCode, KeyEvent};

/// The variable that says where to panic.
const VARIABLE: &str = "OPSCTL_TEST_PANIC";

/// Where to panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the loop.
    Loop,
    /// In a task beside it.
    Task,
}

/// Where a key makes it panic: F12, where the variable says so.
pub(super) fn wanted(key: KeyEvent) -> Option<Place> {
    if key.code != KeyCode::F(12) {
        return None;
    }
    match std::env::var(VARIABLE).ok()?.as_str() {
        "loop" => Some(Place::Loop),
        "task" => Some(Place::Task),
        _ => None,
    }
}

/// Panics.
pub(super) fn panic() -> ! {
    panic!("a test wants it");
}
