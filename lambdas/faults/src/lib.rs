//! The whole pipeline in memory: the three functions with their real clients, on the fake AWS, joined by a bus and by
//! Lambda's queues with their retries and dead letters.
//!
//! Nothing happens by itself. A [`World`] says what may happen next ([`World::actions`]): an invocation starts, an AWS call
//! is carried out, time passes. A test picks one ([`World::act`]), and whether the call goes well ([`Fault`]). So every order
//! of calls of concurrent invocations can be had, and had again.
//!
//! [`Outcome`] is what users can see at the end, in a form that can be compared.

// A harness of tests: what cannot go on stops there and says where.
#![allow(clippy::expect_used)]

mod clock;
mod environment;
mod outcome;
pub mod samples;
mod world;

pub use clock::SimulatedClock;
pub use environment::Environment;
pub use outcome::{Mail, Outcome};
pub use world::{Action, DeadLetter, Fault, World};
