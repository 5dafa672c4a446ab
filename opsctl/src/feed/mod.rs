//! Feeding events into the pipeline and following them through it: what `send-test-event` and the demo are made of.

pub mod event;
pub mod follow;
pub mod generate;
pub mod pace;
pub mod poison;
pub mod publisher;
pub mod random;
pub mod report;
pub mod sender;
pub mod source;
pub mod stop;
pub mod summary;
pub mod timeline;
