//! The arguments.

use clap::{Args, Subcommand};

use crate::letters::Selectors;
use crate::redrive::{Options, Request, Setting, Verify, Via, Wishes};
use crate::stack::StageName;

/// What to redrive.
#[derive(Debug, Subcommand)]
pub enum RedriveCommand {
    /// Send dead letters to their stage again, and delete each once its event is delivered
    #[command(long_about = LONG_ABOUT)]
    Dlq(Box<DlqArgs>),
}

const LONG_ABOUT: &str = "\
Send dead letters to their stage again, and delete each once its event is delivered.

Without --execute nothing is changed: the queues are read, given back, and what would be done is shown. With it the same \
is shown, confirmed, and done to exactly the letters that were shown; what arrives meanwhile is left alone.

Each letter is received, its event sent with the same envelope (so with the same id: the stages drop doubles), and the \
letter deleted only once that is proven. Proof is that Lambda has accepted the event: its queue is durable, and if the \
function fails again, Lambda puts a new letter into this queue. With --verify audit the letter stays until the stage's \
audit trail says that it is through with the event. A crash, a kill, a lost answer at any moment leave each letter in its \
queue, or its event delivered; --resume goes on where it stopped.

Letters that a stage has rejected for good are left, unless mended (--set, --edit) or asked for (--include-rejected). \
Events that were redriven twice and came back are left, unless --force is given.

The exit code is 0 when every letter of the plan was redriven, 5 when some were or their stage failed with them again, \
1 when none was.";

/// For how long the stages' word is waited for, unless something else is said.
const FOLLOW_SECONDS: u64 = 30;

/// Arguments of `opsctl redrive dlq`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct DlqArgs {
    /// Stages whose queues to redrive [default: all]
    #[arg(value_enum, value_name = "STAGE")]
    pub stages: Vec<StageName>,

    /// Do it; without this it is only shown
    #[arg(long, short = 'x')]
    pub execute: bool,

    /// Which letters.
    #[command(flatten)]
    pub selectors: Selectors,

    /// Set a field of each event, such as `price=39432.48`; `venue=null` takes it away [repeatable]
    #[arg(long, value_name = "FIELD=VALUE", help_heading = "Mending")]
    pub set: Vec<Setting>,

    /// Change the events in $VISUAL or $EDITOR before they are sent; what is taken out of the text is not sent
    #[arg(long, requires = "execute", help_heading = "Mending")]
    pub edit: bool,

    /// Send what its stage has rejected for good too, unchanged
    #[arg(long, help_heading = "Mending")]
    pub include_rejected: bool,

    /// Send what was redriven twice and came back too
    #[arg(long, help_heading = "Mending")]
    pub force: bool,

    /// Where to send the events
    #[arg(long, value_enum, default_value_t, help_heading = "How")]
    pub via: Via,

    /// What proves that an event is delivered
    #[arg(long, value_enum, default_value_t, help_heading = "How")]
    pub verify: Verify,

    /// Send at most so many events a second
    #[arg(long, value_name = "N", value_parser = rate, help_heading = "How")]
    pub rate: Option<f64>,

    /// Send so many events at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256),
        help_heading = "How")]
    pub concurrency: u16,

    /// Seconds for which a letter in hand is hidden from others, and extended while needed; a killed run's letters are seen
    /// again after as long
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(5..=43_200),
        help_heading = "How")]
    pub hold: u32,

    /// Seconds to wait afterwards for what the stages make of the events; 0 does not ask
    #[arg(long, value_name = "SECONDS", default_value_t = FOLLOW_SECONDS, value_parser = clap::value_parser!(u64).range(0..=86_400),
        help_heading = "How")]
    pub follow: u64,

    /// Go on with a run that was stopped, killed, or partly done; `last` is the latest redrive of this stack
    #[arg(long, value_name = "RUN", help_heading = "How", conflicts_with_all = [
        "stages", "cause", "symbol", "event_type", "older_than", "newer_than", "text", "id", "limit", "set", "edit",
        "include_rejected", "force", "via", "verify", "rate", "concurrency", "hold",
    ])]
    pub resume: Option<String>,
}

impl DlqArgs {
    /// `opsctl redrive dlq STAGE --execute`, and nothing else said.
    pub fn all_of(stage: StageName) -> Self {
        let Options { via, verify, rate, concurrency, hold_seconds, .. } = Options::default();
        Self {
            stages: vec![stage],
            execute: true,
            selectors: Selectors::default(),
            set: Vec::new(),
            edit: false,
            include_rejected: false,
            force: false,
            via,
            verify,
            rate,
            concurrency,
            hold: hold_seconds,
            follow: FOLLOW_SECONDS,
            resume: None,
        }
    }

    /// The stages that are meant.
    fn queues(&self) -> Vec<StageName> {
        StageName::ALL.into_iter().filter(|name| self.stages.is_empty() || self.stages.contains(name)).collect()
    }

    fn options(&self) -> Options {
        Options {
            via: self.via,
            verify: self.verify,
            rate: self.rate,
            concurrency: self.concurrency,
            hold_seconds: self.hold,
            ..Options::default()
        }
    }

    /// What is asked for.
    pub(super) fn request(&self) -> Request {
        Request {
            queues: self.queues(),
            selectors: self.selectors.clone(),
            settings: self.set.clone(),
            wishes: Wishes { include_rejected: self.include_rejected, force: self.force },
            options: self.options(),
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=100_000.0).contains(&rate) => Ok(rate),
        _ => Err("must be events a second, 0.01 to 100000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    #[test]
    fn all_of_a_stage_is_what_the_command_line_says_with_execute_alone() {
        let cli = Cli::try_parse_from(["opsctl", "redrive", "dlq", "processing", "--execute"]).unwrap();
        let Command::Redrive(RedriveCommand::Dlq(parsed)) = cli.command else { panic!("{:?}", cli.command) };
        assert_eq!(format!("{:?}", DlqArgs::all_of(StageName::Processing)), format!("{parsed:?}"));
    }
}
