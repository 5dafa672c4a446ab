//! The demo: a scripted market session on the local stack, and whether everything came of it that should.

pub mod outcome;
pub mod run;
pub mod script;
