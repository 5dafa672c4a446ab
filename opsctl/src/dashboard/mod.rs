//! The dashboard: the screen that a person on call looks at.
//!
//! [`update::update`] takes what happens and changes [`state::State`]; [`view::draw`] shows it; both are pure.
//! [`run::run`] does what they want done.
#![expect(clippy::similar_names, reason = "a state and a stage are what this is about")]

pub mod actions;
pub mod ascii;
pub mod commands;
pub mod cursor;
pub mod event;
pub mod export;
#[cfg(debug_assertions)]
mod faults;
pub mod fetch;
pub mod keys;
pub mod links;
pub mod log;
pub mod pages;
pub mod polling;
pub mod rows;
pub mod run;
pub mod selection;
pub mod state;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod update_tests;
