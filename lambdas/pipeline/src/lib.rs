//! What the three functions share on AWS.
//!
//! A function is a [`host::Work`]: what its stage does with one event. [`host::Host`] does the rest alike for all three:
//! envelope, settings, audit, dead letters, metrics, time. [`run::run`] starts it on Lambda.
//!
//! Every call of AWS goes through one of the clients here ([`store`], [`bus`], [`topic`], [`cooldown`], [`audit`],
//! [`dead_letter`], [`settings`]); each has only the operations that its role allows.

mod attributes;
mod identity;

pub mod audit;
pub mod aws;
pub mod bus;
pub mod clock;
pub mod cooldown;
pub mod dead_letter;
pub mod failure;
pub mod host;
pub mod run;
pub mod settings;
pub mod stage;
pub mod store;
pub mod telemetry;
pub mod topic;

pub use attributes::strings;
