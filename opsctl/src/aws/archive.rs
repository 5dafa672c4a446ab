//! The bus's archive and its replays.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::operation::describe_replay::DescribeReplayOutput;
use aws_sdk_eventbridge::types::{self, ArchiveState, ReplayDestination};
use jiff::Timestamp;
use serde::Serialize;

use super::time::{from_sdk, to_sdk};
use super::{AwsError, Doing};
use crate::change::{Change, Permit};
use crate::error::Result;
use crate::stack::Stack;

/// The archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Archive {
    /// Its name.
    pub name: String,
    /// False when it takes no events in, or is being set up.
    pub enabled: bool,
    /// How many events it holds, of every kind.
    pub events: u64,
    /// How many days it keeps an event; none: for ever.
    pub retention_days: Option<u32>,
    /// Since when it exists.
    pub created_at: Option<Timestamp>,
}

/// The state of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayState {
    /// It was accepted.
    Starting,
    /// Events are on their way.
    Running,
    /// All were replayed.
    Completed,
    /// Somebody cancelled it, and it is about to end.
    Cancelling,
    /// Somebody cancelled it.
    Cancelled,
    /// It failed.
    Failed,
    /// None of these.
    Unknown,
}

impl ReplayState {
    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// True when nothing more will come of it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Failed)
    }

    /// True while it can be cancelled.
    pub const fn can_be_cancelled(self) -> bool {
        matches!(self, Self::Starting | Self::Running)
    }
}

impl From<Option<&types::ReplayState>> for ReplayState {
    fn from(state: Option<&types::ReplayState>) -> Self {
        match state {
            Some(types::ReplayState::Starting) => Self::Starting,
            Some(types::ReplayState::Running) => Self::Running,
            Some(types::ReplayState::Completed) => Self::Completed,
            Some(types::ReplayState::Cancelling) => Self::Cancelling,
            Some(types::ReplayState::Cancelled) => Self::Cancelled,
            Some(types::ReplayState::Failed) => Self::Failed,
            _ => Self::Unknown,
        }
    }
}

/// A replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replay {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: ReplayState,
    /// Why it is in it, in AWS's words.
    pub reason: Option<String>,
    /// The first event time that is replayed.
    pub from: Option<Timestamp>,
    /// The last one.
    pub to: Option<Timestamp>,
    /// How far it is: the time of the last event that was replayed.
    pub last_replayed: Option<Timestamp>,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl Replay {
    /// How much of the time span was replayed, from 0 to 1: events are not spread evenly over it.
    pub fn fraction(&self) -> Option<f64> {
        if self.state == ReplayState::Completed {
            return Some(1.0);
        }
        let (from, to, at) = (self.from?, self.to?, self.last_replayed?);
        let whole = to.duration_since(from).as_secs_f64();
        (whole > 0.0).then(|| (at.duration_since(from).as_secs_f64() / whole).clamp(0.0, 1.0))
    }
}

impl From<types::Replay> for Replay {
    fn from(replay: types::Replay) -> Self {
        let time = |time: &Option<_>| time.as_ref().and_then(from_sdk);
        Self {
            state: replay.state().into(),
            from: time(&replay.event_start_time),
            to: time(&replay.event_end_time),
            last_replayed: time(&replay.event_last_replayed_time),
            started_at: time(&replay.replay_start_time),
            ended_at: time(&replay.replay_end_time),
            name: replay.replay_name.unwrap_or_default(),
            reason: replay.state_reason.filter(|reason| !reason.is_empty()),
        }
    }
}

impl From<DescribeReplayOutput> for Replay {
    fn from(replay: DescribeReplayOutput) -> Self {
        types::Replay::builder()
            .set_replay_name(replay.replay_name)
            .set_state(replay.state)
            .set_state_reason(replay.state_reason)
            .set_event_start_time(replay.event_start_time)
            .set_event_end_time(replay.event_end_time)
            .set_event_last_replayed_time(replay.event_last_replayed_time)
            .set_replay_start_time(replay.replay_start_time)
            .set_replay_end_time(replay.replay_end_time)
            .build()
            .into()
    }
}

/// What to replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewReplay {
    /// Its name, which no replay of the account had in the last 90 days.
    pub name: String,
    /// The first event time.
    pub from: Timestamp,
    /// The last event time.
    pub to: Timestamp,
    /// ARNs of the rules that the events are matched with; no other rule sees them.
    pub rules: Vec<String>,
}

/// Reads the archive.
pub async fn describe(client: &Client, name: &str) -> Result<Archive, AwsError> {
    let answer = client.describe_archive().archive_name(name).send().await.doing(|| format!("read archive {name}"))?;
    Ok(Archive {
        name: name.to_owned(),
        // The emulator has no other state than this one.
        enabled: matches!(answer.state(), None | Some(ArchiveState::Enabled)),
        events: u64::try_from(answer.event_count()).unwrap_or_default(),
        // Zero is for ever, too.
        retention_days: answer.retention_days().and_then(|days| u32::try_from(days).ok()).filter(|days| *days > 0),
        created_at: answer.creation_time().and_then(from_sdk),
    })
}

/// Reads the archive's replays of the last 90 days, the latest first.
pub async fn replays(client: &Client, stack: &Stack) -> Result<Vec<Replay>, AwsError> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let request = client.list_replays().event_source_arn(&stack.archive.arn).set_next_token(token);
        let answer = request.send().await.doing(|| format!("list the replays of archive {}", stack.archive.name))?;
        found.extend(answer.replays.unwrap_or_default().into_iter().map(Replay::from));
        token = answer.next_token;
        if token.is_none() {
            break;
        }
    }
    found.sort_by(|one, other| (other.started_at, &other.name).cmp(&(one.started_at, &one.name)));
    Ok(found)
}

/// Reads one replay.
pub async fn replay(client: &Client, name: &str) -> Result<Replay, AwsError> {
    let answer = client.describe_replay().replay_name(name).send().await.doing(|| format!("read replay {name}"))?;
    Ok(answer.into())
}

/// Starts a replay.
pub async fn start(client: &Client, stack: &Stack, new: &NewReplay, permit: &Permit) -> Result<()> {
    permit.check(Change::StartReplay, stack)?;
    let doing = || format!("start replay {} of archive {}", new.name, stack.archive.name);
    let destination = ReplayDestination::builder().arn(&stack.event_bus.arn).set_filter_arns(Some(new.rules.clone()));
    let destination = destination.build().map_err(|error| AwsError::unusable(doing(), error.to_string()))?;
    client
        .start_replay()
        .replay_name(&new.name)
        .description("started with opsctl")
        .event_source_arn(&stack.archive.arn)
        .event_start_time(to_sdk(new.from))
        .event_end_time(to_sdk(new.to))
        .destination(destination)
        .send()
        .await
        .doing(doing)?;
    Ok(())
}

/// Cancels a replay. Events that it has handed over stay handed over.
pub async fn cancel(client: &Client, stack: &Stack, name: &str, permit: &Permit) -> Result<()> {
    permit.check(Change::CancelReplay, stack)?;
    client.cancel_replay().replay_name(name).send().await.doing(|| format!("cancel replay {name}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_sdk_eventbridge::operation::list_replays::ListReplaysOutput;
    use aws_sdk_eventbridge::operation::start_replay::StartReplayOutput;
    use aws_smithy_mocks::mock;
    use aws_smithy_types::DateTime;

    use super::*;
    use crate::aws::testing;
    use crate::change::{Gate, Preview};
    use crate::stack::samples;

    fn sdk(name: &str, state: types::ReplayState, started: i64) -> types::Replay {
        types::Replay::builder()
            .replay_name(name)
            .state(state)
            .event_start_time(DateTime::from_secs(1000))
            .event_end_time(DateTime::from_secs(2000))
            .event_last_replayed_time(DateTime::from_secs(1250))
            .replay_start_time(DateTime::from_secs(started))
            .build()
    }

    #[tokio::test]
    async fn all_pages_are_read_and_the_latest_comes_first() {
        let page = |token: Option<&'static str>, next: Option<&'static str>, replay: types::Replay| {
            mock!(Client::list_replays)
                .match_requests(move |request| {
                    request.next_token() == token
                        && request.event_source_arn().is_some_and(|arn| arn.contains(":archive/"))
                })
                .then_output(move || {
                    ListReplaysOutput::builder().replays(replay.clone()).set_next_token(next.map(str::to_owned)).build()
                })
        };
        let first = page(None, Some("more"), sdk("old", types::ReplayState::Completed, 10));
        let second = page(Some("more"), None, sdk("new", types::ReplayState::Running, 20));
        let client = testing::clients(&[&first, &second]).eventbridge;
        let found = replays(&client, &samples::stack()).await.unwrap();
        let seen: Vec<_> = found.iter().map(|replay| (replay.name.as_str(), replay.state, replay.fraction())).collect();
        assert_eq!(seen, [("new", ReplayState::Running, Some(0.25)), ("old", ReplayState::Completed, Some(1.0))]);
    }

    #[tokio::test]
    async fn a_replay_goes_to_the_archives_bus_and_only_to_the_rules_asked_for() {
        let stack = samples::stack();
        let (archive, bus, rule) =
            (stack.archive.arn.clone(), stack.event_bus.arn.clone(), stack.stages.ingestion.rule_arn.clone());
        let start = mock!(Client::start_replay)
            .match_requests(move |request| {
                request.event_source_arn() == Some(&archive)
                    && request.replay_name() == Some("replay-dev-1")
                    && request.event_start_time().map(DateTime::secs) == Some(100)
                    && request.event_end_time().map(DateTime::secs) == Some(200)
                    && request.destination().is_some_and(|to| to.arn() == bus && to.filter_arns() == [rule.clone()])
            })
            .then_output(|| StartReplayOutput::builder().build());
        let client = testing::clients(&[&start]).eventbridge;
        let new = NewReplay {
            name: "replay-dev-1".to_owned(),
            from: Timestamp::from_second(100).unwrap(),
            to: Timestamp::from_second(200).unwrap(),
            rules: vec![stack.stages.ingestion.rule_arn.clone()],
        };
        let gate = Gate::new(&stack, true);
        let permit = |change: Change| gate.permit(&Preview::new(change, "do it", Vec::new()), "").unwrap();
        super::start(&client, &stack, &new, &permit(Change::StartReplay)).await.unwrap();
        assert!(super::start(&client, &stack, &new, &permit(Change::CancelReplay)).await.is_err());
        assert_eq!(start.num_calls(), 1);
    }
}
