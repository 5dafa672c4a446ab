//! Plays the session and watches what comes of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::outcome::{Reason, Seen};
use super::script::{Scene, session};
use crate::aws::dead_letters::DeadLetter;
use crate::aws::{AwsError, Clients, audit};
use crate::change::{Change, Permit};
use crate::error::{Error, Result};
use crate::feed::event::FeedEvent;
use crate::feed::follow::{Followed, Follower, Outcome};
use crate::feed::publisher::Publisher;
use crate::feed::random;
use crate::feed::sender::{Sending, SentEvent};
use crate::feed::stop::Stop;
use crate::invocation::opsctl;
use crate::journal::Header;
use crate::local::steps::Steps;
use crate::output::Printer;
use crate::redrive::gather;
use crate::stack::{Stack, StageName};

/// The feed's name.
const FEED: &str = "demo";
/// Until the last event has ended; a busy machine takes long over a burst.
const FOLLOW_LIMIT: Duration = Duration::from_mins(3);
/// Until notification has decided on the last alert.
const NOTIFY_LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(500);
const CONCURRENCY: usize = 8;

/// The session as it was played.
#[derive(Debug)]
pub struct Played {
    /// The run's name, part of all its ids.
    pub run: String,
    /// The symbol that it traded.
    pub symbol: String,
    /// What was seen of it.
    pub seen: Seen,
}

/// Plays the session, as a run of its own in the journals' directory.
pub async fn play(
    clients: &Clients,
    stack: &Stack,
    (permit, journals): (&Permit, &Path),
    printer: &Printer,
    stop: &Stop,
) -> Result<Played> {
    let run = random::run_id();
    let before: HashSet<String> =
        letters(clients, stack, stop).await?.into_iter().map(|(_, letter)| letter.message_id).collect();
    let scenes = session(&run, Timestamp::now());
    let symbol = scenes[0].events[0].symbol().unwrap_or_default().to_owned();
    let total = scenes.iter().map(|scene| scene.events.len()).sum();
    let arguments = json!({ "run": run, "symbol": symbol, "events": total });
    let header = Header::new("demo", Change::SendTestEvents, stack, arguments);
    let publisher = Publisher::open(clients.eventbridge.clone(), stack, FEED, permit, (journals, &header)).await?;
    printer.note(format!("Run {run}: real trades and quotes of BTCUSDT, as {symbol}"));
    let mut steps = Steps::new(printer);
    let mut seen = Seen::default();
    let mut sending = Sending::default();
    let played = scenes_in_order(&scenes, &publisher, &mut steps, (&mut seen, &mut sending), stop).await;
    sending.stopped = stop.is_requested();
    publisher.finish(total, &sending)?;
    played?;
    let sent = sending.events;
    let follower = Follower { clients: clients.clone(), stack: stack.clone() };
    seen.events = steps
        .step("follow", async |ticker| {
            let total = sent.len();
            let progress = |done| ticker.at(&format!("{done}/{total} have ended"));
            let events = follower.follow(&sent, FOLLOW_LIMIT, stop, progress).await?;
            let ended = events.iter().filter(|event| event.outcome.is_expected(event.sent.poison)).count();
            Ok((events, format!("{ended} of {total} events ended as they were meant to")))
        })
        .await?;
    must_go_on(stop)?;
    seen.notifications = steps
        .step("alerts", async |ticker| {
            let notifications = notifications(clients, stack, &seen.events, stop, |open| {
                ticker.at(&format!("{open} not decided yet"));
            })
            .await?;
            let sent = notifications.values().filter(|status| status.as_deref() == Some("SENT")).count();
            let outcome = format!("{} raised, {sent} sent, the others held back", notifications.len());
            Ok((notifications, outcome))
        })
        .await?;
    must_go_on(stop)?;
    seen.letters = letters(clients, stack, stop)
        .await?
        .into_iter()
        .filter(|(_, letter)| !before.contains(&letter.message_id))
        .collect();
    must_go_on(stop)?;
    Ok(Played { run, symbol, seen })
}

/// Sends scene after scene, and notes what should come of each.
async fn scenes_in_order(
    scenes: &[Scene],
    publisher: &Publisher,
    steps: &mut Steps<'_>,
    (found, sending): (&mut Seen, &mut Sending),
    stop: &Stop,
) -> Result<()> {
    let mut last = Timestamp::now();
    for scene in scenes {
        let (events, part) = steps
            .step(scene.name, async |ticker| {
                ticker.at(scene.about);
                stop.sleep(scene.silence).await;
                let events = scene.begin(last.max(Timestamp::now()));
                let total = events.len();
                let progress = |done| ticker.at(&format!("{done}/{total}"));
                let part = publisher.send(&events, scene.pace, stop, progress).await?;
                Ok(((events, part), format!("{total} events: {}", scene.about)))
            })
            .await?;
        note_what_is_expected(found, scene, &events, &part.events, &publisher.sender.source);
        let times = events.iter().filter(|event| !event.poison).filter_map(FeedEvent::timestamp);
        last = times.max().map_or(last, |time| time.checked_add(SignedDuration::from_millis(1)).unwrap_or(time));
        sending.events.extend(part.events);
        if let Some(error) = part.error {
            sending.error = Some(error.clone());
            return Err(error.into());
        }
        must_go_on(stop)?;
    }
    Ok(())
}

/// Every letter in every queue, with the stage whose queue it is in. They are left where they are.
async fn letters(clients: &Clients, stack: &Stack, stop: &Stop) -> Result<Vec<(StageName, DeadLetter)>, AwsError> {
    Ok(gather(clients, stack, &StageName::ALL, stop, |_| {}).await?.letters)
}

fn must_go_on(stop: &Stop) -> Result<()> {
    if stop.is_requested() {
        return Err(Error::failed(
            "stopped in the middle of the session",
            format!("the local stack still runs; stop it with `{}`", opsctl("local down")),
        ));
    }
    Ok(())
}

fn note_what_is_expected(seen: &mut Seen, scene: &Scene, events: &[FeedEvent], sent: &[SentEvent], source: &str) {
    for (event, sent) in events.iter().zip(sent) {
        if scene.name == "crash" {
            seen.crash.insert(sent.event_id.clone());
        }
        // What is no object has no id of its own, and the bus refuses it.
        if event.poison
            && event.event_id().is_some()
            && let Err(rejection) = event.check(source, sent.sent_at)
        {
            let field = rejection.faults.first().map(|fault| fault.field.clone()).unwrap_or_default();
            let reason = Reason { code: rejection.code.as_str().to_owned(), field };
            seen.poison.insert(sent.event_id.clone(), reason);
        }
    }
}

/// What notification did with each event that raised an alert. Waits until it has decided on all, within a limit.
async fn notifications(
    clients: &Clients,
    stack: &Stack,
    events: &[Followed],
    stop: &Stop,
    progress: impl Fn(usize),
) -> Result<BTreeMap<String, Option<String>>, AwsError> {
    let raised = events.iter().filter(|event| matches!(event.outcome, Outcome::Processed { alert: true, .. }));
    let mut found: BTreeMap<String, Option<String>> = raised.map(|event| (event.sent.event_id.clone(), None)).collect();
    let table = &stack.tables.audit.name;
    let started = tokio::time::Instant::now();
    loop {
        let open: Vec<String> = found.iter().filter(|(_, status)| status.is_none()).map(|(id, _)| id.clone()).collect();
        let decided: HashMap<String, Option<String>> = stream::iter(open)
            .map(|id| async move {
                let rows = audit::read(&clients.dynamodb, table, &id, StageName::Notification).await?;
                // An alert published twice has a second row that says so.
                let status = ["SENT", "SUPPRESSED"]
                    .into_iter()
                    .find(|status| rows.iter().any(|row| row.status == *status))
                    .map(str::to_owned)
                    .or_else(|| rows.into_iter().map(|row| row.status).find(|status| status != "FAILED"));
                Ok::<_, AwsError>((id, status))
            })
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        found.extend(decided);
        let open = found.values().filter(|status| status.is_none()).count();
        progress(open);
        if open == 0 || stop.is_requested() || started.elapsed() >= NOTIFY_LIMIT {
            return Ok(found);
        }
        stop.sleep(POLL).await;
    }
}
