//! The real dashboard in a real terminal: it gives the terminal back however it ends, and it answers keys whatever AWS does.

mod keys;
mod support;
mod terminal;
mod troubles;
