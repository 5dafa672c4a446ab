//! `opsctl events tail`.

use std::collections::HashSet;
use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::args::{TailArgs, filter};
use crate::aws::AwsErrorKind;
use crate::aws::events::{self, EventKey, Known, StoredEvent};
use crate::context::Context;
use crate::error::{ExitStatus, Result};
use crate::feed::stop::Stop;
use crate::output::{Report, Styles};
use crate::snapshot::text::event_line;

/// Read so many of the latest events each time; when more came meanwhile, that is said.
const WINDOW: u16 = 500;

/// Writes events as they are stored, until it is stopped or nobody reads on.
pub(super) async fn run(context: &Context, args: &TailArgs) -> Result<ExitStatus> {
    let filter = filter(&args.filter)?;
    let target = context.target().await?;
    let (client, table) = (&target.clients.dynamodb, &target.stack.tables.events);
    let stop = Stop::on_ctrl_c();
    let interval = Duration::try_from(args.interval).unwrap_or_default().max(Duration::from_millis(200));
    let mut known: Option<Known> = None;
    let mut tail = Tail::default();
    while !stop.is_requested() {
        let read = tokio::select! {
            read = events::refresh(client, table, WINDOW, known.as_ref(), Timestamp::now()) => read,
            () = stop.requested() => break,
        };
        match read {
            Ok(read) => {
                let first = known.is_none();
                let (new, missed) = tail.take(&read.events);
                if missed && !first {
                    context.printer.warn(format!("more than {WINDOW} events came at once: not all of them are here"));
                }
                let mut new: Vec<&StoredEvent> = new.into_iter().filter(|event| filter.matches(event)).collect();
                if first {
                    new.drain(..new.len().saturating_sub(usize::from(args.last)));
                }
                for event in new {
                    if !context.printer.stream(&Line(event))? {
                        return Ok(ExitStatus::Fine);
                    }
                }
                known = Some(read);
            }
            // What passes by itself is no reason to end; the rest is.
            Err(error)
                if matches!(error.kind, AwsErrorKind::Throttled | AwsErrorKind::Unreachable) && known.is_some() =>
            {
                context.printer.warn(format!("{error}; going on"));
            }
            Err(error) => return Err(error.into()),
        }
        stop.sleep(interval).await;
    }
    Ok(ExitStatus::Fine)
}

/// Knows what was shown.
#[derive(Debug, Default)]
struct Tail(HashSet<EventKey>);

impl Tail {
    /// Those that are new, in order of time, and whether others were missed: when all of a full window are new.
    fn take<'a>(&mut self, latest: &'a [StoredEvent]) -> (Vec<&'a StoredEvent>, bool) {
        let new: Vec<&StoredEvent> = latest.iter().rev().filter(|event| !self.0.contains(&event.key())).collect();
        let missed = new.len() == latest.len() && latest.len() >= usize::from(WINDOW);
        // What has left the window does not come back into it, but for one that was late.
        self.0 = latest.iter().map(StoredEvent::key).collect();
        (new, missed)
    }
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Line<'a>(&'a StoredEvent);

impl Report for Line<'_> {
    fn write_text(&self, out: &mut dyn Write, styles: &Styles) -> io::Result<()> {
        writeln!(out, "{}", event_line(self.0, styles))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::samples;

    #[test]
    fn each_event_comes_once_in_order_of_time() {
        let event = samples::healthy().events.data.unwrap().swap_remove(0);
        let of = |numbers: std::ops::Range<u32>| -> Vec<StoredEvent> {
            numbers.rev().map(|number| StoredEvent { event_id: format!("e{number:03}"), ..event.clone() }).collect()
        };
        let mut tail = Tail::default();
        let ids = |events: &[&StoredEvent]| events.iter().map(|event| event.event_id.clone()).collect::<Vec<_>>();
        let first = of(0..2);
        assert_eq!(ids(&tail.take(&first).0), ["e000", "e001"]);
        let second = of(0..3);
        assert_eq!((ids(&tail.take(&second).0), tail.take(&second).0.len()), (vec!["e002".to_owned()], 0));
        let flood = of(100..600);
        assert!(tail.take(&flood).1);
    }
}
