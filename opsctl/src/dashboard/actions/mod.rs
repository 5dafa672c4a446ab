//! Changing something from the screen: asked for with a key, previewed, confirmed, done, told.
//!
//! [`update`] is pure, as the rest of the dashboard's state: it turns keys into [`Order`]s and what the [`Operator`] tells
//! into what is shown. The operator alone has the gate, makes plans and carries them out; so what may not be done is
//! refused in one place, whatever the keys are.

mod dialog;
mod marks;
mod operator;
mod order;
mod paper;
mod redrive;
mod send;
mod state;
mod switch;
mod test_event;
#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
mod told;
mod update;
mod work;

pub use dialog::{Dialog, Notice, Preview};
pub use marks::Marks;
pub use operator::Operator;
pub use order::{Order, Wanted};
pub use paper::{Paper, PaperLine, Role};
pub use state::{Actions, Leaving};
pub use test_event::{Form, TestEvent};
pub use told::{Complaint, Outcome, Previewed, Told};
pub(in crate::dashboard) use update::question;
pub use update::{act, act_on_dialog, leave, take, want};
pub use work::{Phase, Work};
