//! The harness of the end-to-end suites: one local stack, made by `opsctl local up` from the unmodified Terraform, shared
//! by every test; clients for it; and waits that poll for a state and, when it does not come, say what was seen instead.
//!
//! The suites never assert how long something takes. Waits have generous limits whose only use is to end a run that
//! will not succeed.

// The harness is test code: what cannot go on stops there and says where.
#![allow(clippy::expect_used, clippy::unwrap_used)]

pub mod events;
pub mod letters;
pub mod observe;
pub mod proxy;
pub mod recompute;
pub mod roles;
pub mod stack;
pub mod wait;

pub use stack::Stack;
