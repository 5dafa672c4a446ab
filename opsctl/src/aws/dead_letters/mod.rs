//! Dead letter queues, looked at without touching them.

mod letter;
mod queue;

#[cfg(test)]
pub(crate) use letter::samples;
pub use letter::{Attribute, Cause, DeadLetter, Origin, SYSTEM_ATTRIBUTES, group};
pub use queue::{DeadLetterQueue, Depth, LOOK_AGAIN, Look, depth, peek, read, read_queue, refresh};
