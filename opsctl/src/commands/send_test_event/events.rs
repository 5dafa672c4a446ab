//! The events that the arguments mean.

use jiff::{SignedDuration, Timestamp};

use super::args::SendTestEventArgs;
use crate::error::{Error, Result};
use crate::feed::event::{self, FeedEvent};
use crate::feed::generate::Walk;
use crate::feed::pace::Pace;
use crate::feed::source::{self, BadLine};
use crate::human;

/// So many bad lines are shown.
const SHOWN: usize = 20;

/// The events to send and the lines that are left out.
pub(super) type Prepared = (Vec<FeedEvent>, Vec<BadLine>);

/// Makes or reads the events, checks them with the pipeline's own validation, and marks and spoils them if asked to. `run`
/// is for new ids.
pub(super) fn prepare(args: &SendTestEventArgs, run: &str, source: &str, now: Timestamp) -> Result<Prepared> {
    let (mut events, skipped) = match &args.file {
        Some(_) => from_file(args, run, source, now)?,
        None => (made(args, run, source, now)?, Vec::new()),
    };
    if args.debug {
        events.iter_mut().for_each(FeedEvent::mark_for_debugging);
    }
    if let Some(poison) = args.invalid {
        for event in &mut events {
            poison.spoil(event, now);
        }
    }
    Ok((events, skipped))
}

fn from_file(args: &SendTestEventArgs, run: &str, source: &str, now: Timestamp) -> Result<Prepared> {
    let file = args.file.as_deref().unwrap_or_else(|| "-".as_ref());
    let (mut events, mut bad) = source::parse(&source::read(file)?);
    if args.shift_time {
        event::shift_times(&mut events, now);
    }
    if args.fresh_ids {
        event::freshen_ids(&mut events, run);
    }
    let (good, invalid) = source::keep_valid(events, args.pace, source, now);
    bad.extend(invalid);
    bad.sort_by_key(|line| line.line);
    if !bad.is_empty() && !args.skip_invalid {
        return Err(refuse(file, &bad));
    }
    if good.is_empty() {
        return Err(Error::usage(
            format!("{} has no event to send", file.display()),
            "it must have one JSON event a line",
        ));
    }
    Ok((good, bad))
}

fn refuse(file: &std::path::Path, bad: &[BadLine]) -> Error {
    let first = format!(
        "nothing was sent: {} has {} that the pipeline would reject",
        if file.as_os_str() == "-" { "standard input".into() } else { file.display().to_string() },
        human::count(bad.len() as u64, "line")
    );
    let lines = bad.iter().take(SHOWN).map(|line| format!("  line {}: {}", line.line, line.reason));
    let more = (bad.len() > SHOWN).then(|| format!("  and {} more", bad.len() - SHOWN));
    let message: Vec<String> = std::iter::once(first).chain(lines).chain(more).collect();
    Error::usage(message.join("\n"), "mend them, or leave them out with --skip-invalid")
}

fn made(args: &SendTestEventArgs, run: &str, source: &str, now: Timestamp) -> Result<Vec<FeedEvent>> {
    let count = args.count.unwrap_or(1) as usize;
    let (start, step) = match args.pace {
        Pace::Real => {
            return Err(Error::usage(
                "--pace real takes the distances from a file's times, and there is no --file",
                "give a rate, events a second: --pace 20",
            ));
        }
        Pace::Rate(rate) => (now, SignedDuration::from_secs_f64(1.0 / rate)),
        // A millisecond apart, the last one now.
        Pace::Fast => {
            let before = i64::try_from(count).unwrap_or(i64::MAX).saturating_sub(1);
            (now - SignedDuration::from_millis(before), SignedDuration::from_millis(1))
        }
    };
    let walk = Walk {
        kind: args.kind,
        symbol: args.symbol.clone(),
        price: args.price,
        size: args.size,
        count,
        start,
        step,
        seed: args.seed,
        prefix: format!("opsctl-{run}"),
    };
    let mut events = walk.events();
    if let [event] = events.as_mut_slice() {
        let fields = [
            ("side", args.side.map(|side| side.as_str().to_owned())),
            ("ask", args.ask.map(|ask| ask.to_string())),
            ("event_id", args.event_id.clone()),
            ("timestamp", args.timestamp.clone()),
        ];
        for (field, value) in fields {
            if let Some(value) = value {
                event.set(field, value);
            }
        }
    }
    // Only the first can be wrong by what the options say; the walk keeps the others valid.
    if let Some(Err(rejection)) = events.first().map(|event| event.check(source, now)) {
        return Err(Error::usage(
            format!("nothing was sent: the pipeline would reject the event: {}", rejection.summary()),
            "mend the options; to send an event that must be rejected, use --invalid",
        ));
    }
    Ok(events)
}
