//! The console that operates the market-data pipeline.
//!
//! The library holds everything but `main`, so that tests and the local stack use the same parts as the commands do.

pub mod aws;
pub mod change;
pub mod cli;
pub mod commands;
pub mod context;
pub mod dashboard;
pub mod error;
pub mod feed;
pub mod filter;
pub mod human;
pub mod invocation;
pub mod journal;
pub mod letters;
pub mod local;
pub mod output;
pub mod pausing;
pub mod redrive;
pub mod replay;
pub mod rules;
pub mod snapshot;
pub mod stack;
pub mod terraform;
pub mod when;

pub use commands::run;
