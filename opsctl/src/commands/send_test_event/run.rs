//! Sending and following.

use std::time::Duration;

use jiff::Timestamp;
use market::envelope::SOURCE_FEED_PREFIX;
use serde_json::json;

use super::args::SendTestEventArgs;
use super::events::prepare;
use crate::change::Change;
use crate::context::Context;
use crate::error::Result;
use crate::feed::follow::Follower;
use crate::feed::publisher::{self, Publisher};
use crate::feed::random;
use crate::feed::report::{Followup, SendTestEventReport};
use crate::feed::sender::{SentEvent, Tracing};
use crate::feed::stop::Stop;
use crate::human;
use crate::journal::Header;

/// Sends the events, and with `--wait` follows them.
pub async fn run(context: &Context, args: &SendTestEventArgs) -> Result<SendTestEventReport> {
    let source = format!("{SOURCE_FEED_PREFIX}.{}", args.feed);
    // Read and checked first: bad events are found without AWS.
    let name = args.run_id.clone().unwrap_or_else(random::run_id);
    let (events, skipped) = prepare(args, &name, &source, Timestamp::now())?;
    let target = context.target().await?;
    let permit = context.confirm(&context.gate(&target.stack), &publisher::preview(&target.stack, &events))?;
    let arguments = json!({
        "events": events.len(), "source": source, "file": args.file, "run_id": name, "seed": args.count.and(Some(args.seed)),
    });
    let header = Header::new("send-test-event", Change::SendTestEvents, &target.stack, arguments);
    let client = target.clients.eventbridge.clone();
    let journal = (&*context.journal_dir()?, &header);
    let mut publisher = Publisher::open(client, &target.stack, &args.feed, &permit, journal).await?;
    let count = events.len();
    if count == 1 {
        publisher.sender.tracing = Tracing::Every;
    }
    let offset = publisher.sender.clock_offset;
    if !offset.is_zero() {
        let side = if offset.is_positive() { "behind" } else { "ahead of" };
        let offset = human::duration(offset.abs().as_secs_f64() * 1000.0);
        context.printer.warn(format!("this machine's clock is {offset} {side} AWS's; times below are AWS's"));
    }
    let stop = Stop::on_ctrl_c();

    let bar = context.printer.progress(count as u64, "sending");
    let sending = publisher.send(&events, args.pace, &stop, |done| bar.set_position(done)).await;
    bar.finish_and_clear();
    let sending = sending?;
    let bus = publisher.finish(count, &sending)?.bus;
    if let Some(error) = sending.error.clone().filter(|_| sending.events.is_empty()) {
        return Err(error.into());
    }
    let follow = if args.wait && !stop.is_requested() {
        let follower = Follower { clients: target.clients, stack: target.stack.clone() };
        Some(self::follow(context, args, &follower, &sending.events, &stop).await?)
    } else {
        None
    };
    Ok(SendTestEventReport {
        environment: target.stack.environment,
        bus,
        run: header.run,
        source,
        planned: count,
        skipped,
        stopped: stop.is_requested(),
        error: sending.error,
        elapsed_ms: u64::try_from(sending.elapsed.as_millis()).unwrap_or(u64::MAX),
        events: if follow.is_some() { Vec::new() } else { sending.events },
        follow,
    })
}

async fn follow(
    context: &Context,
    args: &SendTestEventArgs,
    follower: &Follower,
    sent: &[SentEvent],
    stop: &Stop,
) -> Result<Followup> {
    let timeout = Duration::from_secs(args.timeout);
    let bar = context.printer.progress(sent.len() as u64, "following");
    let followup = Followup::read(follower, sent, timeout, stop, |done| bar.set_position(done)).await?;
    bar.finish_and_clear();
    Ok(followup)
}
