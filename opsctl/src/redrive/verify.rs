//! Waiting for a stage's word on an event, with `--verify audit`.

use std::time::Duration;

use tokio::time::Instant;

use super::machine::{Accepted, Verdict};
use super::options::Options;
use super::plan::PlannedLetter;
use super::word::{self, Word};
use crate::aws::Clients;
use crate::feed::stop::Stop;
use crate::stack::Stack;

/// The time between two looks into the audit trail.
const PAUSE: Duration = Duration::from_millis(500);

/// Asks until the stage is through with the event, the time is over, or somebody asks to stop.
pub(super) async fn verify(
    clients: &Clients,
    stack: &Stack,
    letter: &PlannedLetter,
    accepted: &Accepted,
    options: &Options,
    stop: &Stop,
) -> Verdict {
    let deadline = Instant::now() + Duration::from_secs(options.verify_seconds.into());
    loop {
        let why = match word::ask(clients, stack, (&letter.event_id, letter.stage), accepted).await {
            Ok(Word::Through(status)) => return Verdict::Through(status),
            Ok(Word::Rejected) => return Verdict::Through("REJECTED".to_owned()),
            Ok(Word::Failing) => "the stage has failed so far; Lambda tries it again".to_owned(),
            Ok(Word::Nothing) => "the stage has said nothing yet".to_owned(),
            Err(error) => error.to_string(),
        };
        if stop.is_requested() || Instant::now() >= deadline {
            return Verdict::Nothing(why);
        }
        stop.sleep(PAUSE).await;
    }
}
