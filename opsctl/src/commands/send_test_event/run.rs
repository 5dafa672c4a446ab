//! Sending and following.

use std::time::Duration;

use jiff::Timestamp;
use market::envelope::SOURCE_FEED_PREFIX;

use super::args::SendTestEventArgs;
use super::events::prepare;
use super::report::{Followup, SendTestEventReport};
use crate::context::Context;
use crate::error::Result;
use crate::feed::follow::Follower;
use crate::feed::sender::{Sender, SentEvent, Tracing};
use crate::feed::stop::Stop;
use crate::feed::summary::Summary;
use crate::human;

/// Sends the events, and with `--wait` follows them.
pub async fn run(context: &Context, args: &SendTestEventArgs) -> Result<SendTestEventReport> {
    context.must_allow_changes("send events")?;
    let source = format!("{SOURCE_FEED_PREFIX}.{}", args.feed);
    // Read and checked first: bad events are found without AWS.
    let (events, skipped) = prepare(args, &source, Timestamp::now())?;
    let target = context.target().await?;
    let count = events.len();
    let what = format!("send {} to {}", human::count(count as u64, "event"), target.stack.event_bus.name);
    context.confirm_change(&target.stack, &what)?;
    let mut sender = Sender::connect(target.clients.eventbridge.clone(), &target.stack, &args.feed).await?;
    if count == 1 {
        sender.tracing = Tracing::Every;
    }
    if !sender.clock_offset.is_zero() {
        let offset = human::duration(sender.clock_offset.abs().as_secs_f64() * 1000.0);
        let side = if sender.clock_offset.is_positive() { "behind" } else { "ahead of" };
        context.printer.warn(format!("this machine's clock is {offset} {side} AWS's; times below are AWS's"));
    }
    let stop = Stop::on_ctrl_c();

    let bar = context.printer.progress(count as u64, "sending");
    let sending = sender.send(&events, args.pace, &stop, |done| bar.set_position(done)).await;
    bar.finish_and_clear();
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
        bus: sender.bus,
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
    let events = follower.follow(sent, timeout, stop, |done| bar.set_position(done)).await?;
    bar.finish_and_clear();
    let timeline = match events.as_slice() {
        [event] => Some(follower.timeline(event, timeout, stop).await?),
        _ => None,
    };
    Ok(Followup { summary: Summary::of(&events), timeline, events })
}
