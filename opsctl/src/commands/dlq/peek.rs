//! `opsctl dlq peek`: letters, each with its body and why it is there.

use std::io::{self, Write};

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::aws::dead_letters::{self, Depth, Origin};
use crate::context::Context;
use crate::error::Result;
use crate::feed::stop::Stop;
use crate::human;
use crate::letters::{Drain, LetterRecord, Selectors};
use crate::output::{Report, Styles};
use crate::stack::StageName;

/// What `--help` begins with.
pub(super) const LONG_ABOUT: &str = "\
Show letters of a dead letter queue, the oldest first: why they are there, and the event itself.

Without --all up to 50 letters are looked at, which hides them from nobody; of a longer queue they are a random sample. \
With --all every letter is read: each is hidden from others for the seconds that this takes, then given back. Every look \
adds one to a letter's receive count, which has no effect in these queues.";

/// So many letters are shown when nothing is said.
const SHOWN: u32 = 10;
/// How wide text is, behind the indent.
const WIDTH: usize = 76;

/// Arguments of `opsctl dlq peek`.
#[derive(Debug, Args)]
pub struct PeekArgs {
    /// Whose queue
    #[arg(value_enum, value_name = "STAGE")]
    pub stage: StageName,

    /// Read every letter instead of a sample
    #[arg(long)]
    pub all: bool,

    /// Which letters.
    #[command(flatten)]
    pub selectors: Selectors,
}

/// Letters of a queue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Peek {
    /// The stage.
    pub stage: StageName,
    /// Its queue's name.
    pub queue: String,
    /// When it was looked at.
    pub at: Timestamp,
    /// How many letters it has, as SQS estimates it.
    pub counted: Depth,
    /// How many were looked at.
    pub looked_at: u64,
    /// How many of those are meant.
    pub matching: u64,
    /// True when every letter was read.
    pub exact: bool,
    /// Those that are shown, the oldest first.
    pub letters: Vec<LetterRecord>,
}

impl Report for Peek {
    fn json_lines(&self) -> serde_json::Result<Vec<Value>> {
        self.letters.iter().map(serde_json::to_value).collect()
    }

    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        let Styles { heading, dim, .. } = *styles;
        for letter in &self.letters {
            write_letter(out, letter, self.at, styles)?;
        }
        let Depth { waiting, in_flight } = self.counted;
        let shown = self.letters.len() as u64;
        let matching = human::count(self.matching, "matching letter");
        let more = if shown < self.matching { format!("; --limit {} shows all", self.matching) } else { String::new() };
        writeln!(out, "{heading}{shown} of {matching} of {}{heading:#}{dim}{more}{dim:#}", self.stage)?;
        let sample = if !self.exact && self.looked_at < waiting { ", a sample: --all reads every letter" } else { "" };
        writeln!(out, "{dim}{} of {waiting} waiting were looked at{sample}{dim:#}", self.looked_at)?;
        if in_flight > 0 {
            writeln!(out, "{dim}{in_flight} more in somebody's hand{dim:#}")?;
        }
        Ok(())
    }
}

fn write_letter(out: &mut dyn Write, letter: &LetterRecord, now: Timestamp, styles: &Styles) -> io::Result<()> {
    let Styles { bad, dim, .. } = *styles;
    let age = letter.sent_at.map_or_else(|| "unknown age".to_owned(), |at| format!("{} ago", human::since(at, now)));
    let received = letter.receive_count.map(|count| format!(", received {}", human::count(count.into(), "time")));
    let unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
    let cause = match letter.origin {
        Origin::Unknown => "somebody else's message".to_owned(),
        origin => format!("{} {}", origin.words(), letter.code),
    };
    writeln!(out, "{bad}{cause}{bad:#}, {age}{}", received.unwrap_or_default())?;
    writeln!(out, "  message {}", letter.message_id)?;
    writeln!(
        out,
        "  event   {}, {} {}",
        unknown(&letter.event_id),
        unknown(&letter.symbol),
        unknown(&letter.event_type)
    )?;
    // Faults say all that the reason says.
    let reasons = if letter.faults.is_empty() {
        vec![if letter.reason.is_empty() { "no reason was given".to_owned() } else { letter.reason.clone() }]
    } else {
        letter.faults.iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect()
    };
    for line in reasons.iter().flat_map(|reason| human::wrap(reason, WIDTH)) {
        writeln!(out, "  {line}")?;
    }
    for line in hard_wrap(&letter.body, WIDTH) {
        writeln!(out, "  {dim}{line}{dim:#}")?;
    }
    writeln!(out)
}

/// Lines of at most so many characters, cut wherever: JSON has few spaces. Control characters, which may do anything to a
/// terminal, are made visible.
fn hard_wrap(text: &str, width: usize) -> Vec<String> {
    let visible = |character: char| if character.is_control() { '\u{fffd}' } else { character };
    let characters: Vec<char> = text.chars().map(visible).collect();
    characters.chunks(width).map(|line| line.iter().collect()).collect()
}

/// Looks.
pub async fn run(context: &Context, args: &PeekArgs) -> Result<Peek> {
    let target = context.target().await?;
    let (client, stage) = (&target.clients.sqs, target.stack.stages.get(args.stage));
    let spinner = context.printer.spinner("looking into the dead letter queue");
    let (counted, mut letters) = if args.all {
        let stop = Stop::on_ctrl_c();
        let mut drain = Drain::begin(client, args.stage, stage).await?;
        let mut letters = Vec::new();
        let outcome = loop {
            match drain.next().await {
                Ok(fresh) if fresh.is_empty() || stop.is_requested() => break Ok(()),
                Ok(fresh) => letters.extend(fresh),
                Err(error) => break Err(error),
            }
            spinner.set_message(format!("{} letters read", drain.seen()));
        };
        let counted = drain.depth();
        drain.release().await;
        outcome.map(|()| (counted, letters))?
    } else {
        let counted = dead_letters::depth(client, stage).await?;
        (counted, dead_letters::peek(client, args.stage, stage, counted.waiting).await?)
    };
    spinner.finish_and_clear();
    let (at, looked_at) = (Timestamp::now(), letters.len() as u64);
    letters.retain(|letter| args.selectors.matches(letter, at));
    letters.sort_by(|one, other| (one.sent_at, &one.message_id).cmp(&(other.sent_at, &other.message_id)));
    let matching = letters.len() as u64;
    letters.truncate(args.selectors.limit.unwrap_or(SHOWN) as usize);
    Ok(Peek {
        stage: args.stage,
        queue: stage.dlq_name.clone(),
        at,
        counted,
        looked_at,
        matching,
        exact: args.all,
        letters: letters.into_iter().map(|letter| LetterRecord::new(args.stage, letter)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::aws::dead_letters::DeadLetter;
    use crate::aws::dead_letters::samples::{message, rejected};

    fn text(peek: &Peek) -> String {
        let mut text = Vec::new();
        peek.write_text(&mut text, &Styles::default()).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_letter_says_all_that_is_known_of_it() {
        let faults = r#"[{"field":"price","code":"out_of_range","message":"must be greater than 0, not -1"}]"#;
        let body = r#"{"id":"bus-2","detail":{"event_id":"e2","event_type":"trade","symbol":"ETHUSDT","price":"-1"}}"#;
        let attributes =
            [("Stage", "ingestion"), ("ErrorCode", "VALIDATION"), ("ErrorMessage", "x"), ("Faults", faults)];
        let with_faults = DeadLetter::from_message(StageName::Ingestion, &message("m-e2", body, &attributes));
        let control = DeadLetter::from_message(StageName::Ingestion, &message("m-e3", "\u{1b}[2J not JSON", &[]));
        let first = rejected("e1", "MALFORMED", "is not an EventBridge event, which it must be to be validated at all");
        let at = first.sent_at.unwrap() + SignedDuration::from_mins(125);
        let letters = [first, with_faults, control].map(|letter| LetterRecord::new(StageName::Ingestion, letter));
        let peek = Peek {
            stage: StageName::Ingestion,
            queue: "sqs-ingestion-dlq-dev".to_owned(),
            at,
            counted: Depth { waiting: 143, in_flight: 2 },
            looked_at: 50,
            matching: 12,
            exact: false,
            letters: letters.to_vec(),
        };
        let text = text(&peek);
        assert!(text.lines().all(|line| line.chars().count() <= 80 && !line.contains('\u{1b}')), "{text}");
        insta::assert_snapshot!(text, @r#"
        rejected MALFORMED, 2 h 5 m ago, received 1 time
          message m-e1
          event   e1, BTCUSDT trade
          is not an EventBridge event, which it must be to be validated at all
          {"id":"bus-e1","detail":{"event_id":"e1","event_type":"trade","symbol":"BTCU
          SDT","price":"-1"}}

        rejected VALIDATION, 2 h 5 m ago, received 1 time
          message m-e2
          event   e2, ETHUSDT trade
          price must be greater than 0, not -1
          {"id":"bus-2","detail":{"event_id":"e2","event_type":"trade","symbol":"ETHUS
          DT","price":"-1"}}

        somebody else's message, 2 h 5 m ago, received 1 time
          message m-e3
          event   ?, ? ?
          no reason was given
          �[2J not JSON

        3 of 12 matching letters of ingestion; --limit 12 shows all
        50 of 143 waiting were looked at, a sample: --all reads every letter
        2 more in somebody's hand
        "#);
    }
}
