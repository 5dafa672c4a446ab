//! Sending dead letters again without losing one.
//!
//! AWS's own redrive refuses queues whose source is Lambda. This one reads the queues ([`gather`]), decides what to send
//! ([`Plan`]), saves the plan with every body in the journal ([`save_plan`]), and then receives each letter, sends its event
//! again, and deletes the letter once the event is proven to be delivered ([`Redrive`]). What it guarantees, and how, stands
//! with the [`machine`]; what counts as proof with [`Verify`].

mod edit;
mod follow;
mod gather;
mod history;
pub mod machine;
mod options;
mod parcel;
mod plan;
mod preview;
mod progress;
mod queue;
mod record;
mod report;
mod request;
mod run;
mod send;
mod session;
#[cfg(test)]
mod tests;
mod verify;
mod word;

pub use edit::{Mended, Setting, check_mended, difference, from_sheets, mend, sheets};
pub use follow::follow;
pub use gather::{Gathered, check, gather};
pub use history::History;
pub use options::{Options, Verify, Via};
pub use parcel::Parcel;
pub use plan::{Left, LeftLetter, MOST_REDRIVES, Plan, PlannedLetter, Selection, Wishes};
pub use preview::{PreviewReport, UpcomingLetter, preview};
pub use progress::{Progress, Redriven};
pub use record::{Resumed, save_plan};
pub use report::RunReport;
pub use request::{Material, Request};
pub use run::{Finished, Redrive};
pub use word::Word;
