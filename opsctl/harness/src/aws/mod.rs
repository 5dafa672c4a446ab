//! What stands in AWS's place: a small pipeline behind HTTP, as the SDK's clients know it, and its bad days.

mod cbor;
mod http;
mod services;
mod trouble;
mod world;

pub use http::FakeAws;
pub use trouble::{Service, Trouble};
pub use world::{Letter, Stage, World};
