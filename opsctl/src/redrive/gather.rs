//! Reading the queues, and looking whether the stages can take what is sent.

use super::options::{Options, Via};
use super::plan::PlannedLetter;
use crate::aws::dead_letters::{DeadLetter, Depth};
use crate::aws::functions::{self, StageFunction};
use crate::aws::{AwsError, Clients, bus};
use crate::error::{Error, Result};
use crate::feed::stop::Stop;
use crate::invocation::opsctl;
use crate::letters::Drain;
use crate::stack::{Stack, StageName};

/// Every letter of some queues.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gathered {
    /// Each with the stage whose queue it lies in.
    pub letters: Vec<(StageName, DeadLetter)>,
    /// What SQS said of each queue before it was read.
    pub depths: Vec<(StageName, Depth)>,
    /// How many letters could not be given back: nobody sees them for up to a minute ([`crate::letters::HOLD`]).
    pub not_given_back: u64,
}

/// Reads queues to their end and gives everything back at once. `told` hears how many letters were seen. When somebody asks
/// to stop it ends early, and what it has is not all.
pub async fn gather(
    clients: &Clients,
    stack: &Stack,
    queues: &[StageName],
    stop: &Stop,
    told: impl Fn(u64),
) -> Result<Gathered, AwsError> {
    let mut gathered = Gathered::default();
    for name in queues {
        let mut drain = Drain::begin(&clients.sqs, *name, stack.stages.get(*name)).await?;
        gathered.depths.push((*name, drain.depth()));
        let read = loop {
            match drain.next().await {
                Ok(letters) if letters.is_empty() => break Ok(()),
                Ok(letters) => gathered.letters.extend(letters.into_iter().map(|letter| (*name, letter))),
                Err(error) => break Err(error),
            }
            told(gathered.letters.len() as u64);
            if stop.is_requested() {
                break Ok(());
            }
        };
        gathered.not_given_back += drain.release().await;
        read?;
    }
    Ok(gathered)
}

/// Refuses (exit code 6) to send to a stage that takes nothing: its events would come straight back.
pub async fn check(clients: &Clients, stack: &Stack, letters: &[PlannedLetter], options: &Options) -> Result<()> {
    let concerned = |name: StageName| letters.iter().any(|letter| letter.stage == name);
    for function in functions::read(clients, stack).await?.iter().filter(|function| concerned(function.stage)) {
        if let Some(problem) = problem(function, options) {
            return Err(problem);
        }
    }
    if options.via == Via::Bus {
        // Publishing to a bus that does not exist succeeds, and the events are gone.
        bus::check(&clients.eventbridge, &stack.event_bus.name).await?;
    }
    Ok(())
}

fn problem(function: &StageFunction, options: &Options) -> Option<Error> {
    let StageFunction { stage, .. } = function;
    if function.is_paused() {
        return Some(Error::refused(
            format!("refused to send events to {stage}: it is paused, they would come straight back"),
            format!("run `{}` first", opsctl(format!("resume {stage}"))),
        ));
    }
    if !function.active {
        let why = function.problem.as_deref().unwrap_or("nobody says why");
        return Some(Error::refused(
            format!("refused to send events to {stage}: function {} cannot be invoked: {why}", function.function),
            format!("bring the function to work first; `{}` shows it", opsctl("status")),
        ));
    }
    (options.via == Via::Bus && !function.rule_enabled).then(|| {
        Error::refused(
            format!("refused to send events to {stage} by the bus: its rule is switched off, they would be lost"),
            "switch the rule on, or send them --via function",
        )
    })
}
