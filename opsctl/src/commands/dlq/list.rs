//! `opsctl dlq list`: how many letters wait, since when, and why.

use std::io::{self, Write};

use clap::Args;
use futures::future::join_all;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::aws::dead_letters::{self, DeadLetterQueue};
use crate::context::Context;
use crate::error::{ExitStatus, Result};
use crate::feed::stop::Stop;
use crate::human;
use crate::invocation::opsctl;
use crate::letters::survey;
use crate::output::{Report, Styles};
use crate::stack::StageName;

/// What `--help` begins with.
pub(super) const LONG_ABOUT: &str = "\
Show how many letters wait in each dead letter queue, since when, and why, grouped by cause.

Without --all up to 50 letters a queue are looked at, which disturbs nobody. With --all every letter is read: each is \
hidden from others for the seconds that this takes, then given back.";

/// How wide text is.
const WIDTH: usize = 80;

/// Arguments of `opsctl dlq list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Whose queues [default: all]
    #[arg(value_enum, value_name = "STAGE")]
    pub stages: Vec<StageName>,

    /// Read every letter instead of a sample
    #[arg(long)]
    pub all: bool,
}

/// The queues.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueueList {
    /// The stack's environment.
    pub environment: String,
    /// When they were read.
    pub at: Timestamp,
    /// True when every letter was read, so that causes and ages are exact.
    pub exact: bool,
    /// True when somebody stopped the reading.
    pub stopped: bool,
    /// The queues.
    pub queues: Vec<DeadLetterQueue>,
}

impl Report for QueueList {
    fn exit_status(&self) -> ExitStatus {
        if self.stopped { ExitStatus::Partly } else { ExitStatus::Fine }
    }

    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        self.queues.iter().map(serde_json::to_value).collect()
    }

    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, bad, warn, dim, .. } = *styles;
        for queue in &self.queues {
            let name = queue.stage.as_str();
            if queue.depth == 0 && queue.in_flight == 0 {
                writeln!(out, "{heading}{name:<13}{heading:#} none")?;
                continue;
            }
            let oldest = queue.oldest.map(|oldest| format!(", oldest {} ago", human::since(oldest, self.at)));
            let taken =
                if queue.in_flight > 0 { format!(", {} in somebody's hand", queue.in_flight) } else { String::new() };
            writeln!(
                out,
                "{heading}{name:<13}{heading:#} {bad}{} waiting{bad:#}{}{taken}",
                queue.depth,
                oldest.unwrap_or_default()
            )?;
            for cause in &queue.causes {
                let words = if cause.example.is_empty() { "no message" } else { &cause.example };
                let line = format!("{} {}: {words}", cause.origin.words(), cause.code);
                writeln!(out, "{:>8} × {}", cause.count, human::shorten(&line, WIDTH - 11))?;
            }
            if (queue.sampled as u64) < queue.depth {
                let how = if self.exact { "the rest could not be read" } else { "--all reads every one" };
                writeln!(out, "           {dim}{} looked at; {how}{dim:#}", queue.sampled)?;
            }
        }
        if self.stopped {
            writeln!(out, "{warn}stopped{warn:#} before every letter was read")?;
        }
        let filled: Vec<&str> =
            self.queues.iter().filter(|queue| queue.depth > 0).map(|queue| queue.stage.as_str()).collect();
        if let Some(first) = filled.first() {
            let (peek, redrive) = (format!("dlq peek {first}"), format!("redrive dlq {}", filled.join(" ")));
            writeln!(out, "{dim}→ {}; {}{dim:#}", opsctl(peek), opsctl(redrive))?;
        }
        Ok(())
    }
}

/// Reads the queues.
pub async fn run(context: &Context, args: &ListArgs) -> Result<QueueList> {
    let target = context.target().await?;
    let stages = super::chosen(&args.stages);
    let stop = Stop::on_ctrl_c();
    let spinner = context.printer.spinner("reading the dead letter queues");
    let (client, stack) = (&target.clients.sqs, &target.stack);
    // Not try_join: each survey has to give back what it has in hand, whatever becomes of the others.
    let queues = join_all(stages.into_iter().map(async |stage| {
        let queue = stack.stages.get(stage);
        if !args.all {
            return dead_letters::read_queue(client, stage, queue).await;
        }
        let progress = |read| spinner.set_message(format!("{stage}: {read} letters read"));
        survey(client, stage, queue, &stop, progress).await
    }))
    .await
    .into_iter()
    .collect::<Result<_, _>>();
    spinner.finish_and_clear();
    Ok(QueueList {
        environment: target.stack.environment,
        at: Timestamp::now(),
        exact: args.all,
        stopped: stop.is_requested(),
        queues: queues?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::dead_letters::{Cause, Origin};
    use crate::snapshot::samples;

    fn list(exact: bool) -> QueueList {
        let snapshot = samples::unhealthy();
        QueueList {
            environment: "dev".to_owned(),
            at: samples::now(),
            exact,
            stopped: false,
            queues: snapshot.dead_letters.data.unwrap_or_default(),
        }
    }

    fn text(list: &QueueList) -> String {
        let mut text = Vec::new();
        list.write_text(&mut text, &Styles::default()).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_sample_says_that_it_is_one() {
        insta::assert_snapshot!(text(&list(false)), @"
        ingestion     2 waiting, oldest 2 h 5 m ago
               2 × rejected VALIDATION: price: must be greater than 0, not -1
        processing    143 waiting, oldest 2 h 5 m ago, 3 in somebody's hand
              19 × gave up 200: failed to read table dynamodb-events-dev: denied
               1 × undelivered NO_PERMISSIONS: no message
                   20 looked at; --all reads every one
        notification  none
        → opsctl dlq peek ingestion; opsctl redrive dlq ingestion processing
        ");
    }

    #[test]
    fn what_was_read_to_the_end_says_nothing_of_samples() {
        let mut list = list(true);
        for queue in &mut list.queues {
            queue.sampled = usize::try_from(queue.depth).unwrap();
        }
        assert!(!text(&list).contains("looked at"));
        assert_eq!(list.exit_status(), ExitStatus::Fine);
        list.stopped = true;
        assert_eq!(list.exit_status(), ExitStatus::Partly);
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let mut list = list(false);
        let long = "failed to write to table dynamodb-events-dev: ".repeat(5);
        let cause = Cause {
            origin: Origin::EventBridge,
            code: "SDK_CLIENT_ERROR".to_owned(),
            stage: StageName::Processing,
            example: long,
            example_event_id: None,
            count: 123_456,
        };
        list.queues[0].causes = vec![cause];
        for line in text(&list).lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
    }
}
