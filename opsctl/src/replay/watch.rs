//! Watching a replay until it ends.

use std::time::Duration;

use aws_sdk_eventbridge::Client;

use crate::aws::AwsError;
use crate::aws::archive::{self, Replay};
use crate::feed::stop::Stop;

/// So many looks in a row may fail before it is given up: the replay goes on meanwhile.
const FAILURES: u32 = 5;

/// How a replay was when it was last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The replay.
    pub replay: Replay,
    /// True when somebody stopped the watching, not the replay.
    pub stopped: bool,
}

/// Looks at a replay every `pause` until it has ended, or somebody asks to stop. `progress` hears of every change.
pub async fn watch(
    client: &Client,
    name: &str,
    pause: Duration,
    stop: &Stop,
    mut progress: impl FnMut(&Replay),
) -> Result<Watched, AwsError> {
    let mut replay = archive::replay(client, name).await?;
    progress(&replay);
    let mut failures = 0;
    while !replay.state.is_final() && !stop.is_requested() {
        stop.sleep(pause).await;
        match archive::replay(client, name).await {
            Ok(now) => {
                failures = 0;
                if now != replay {
                    progress(&now);
                }
                replay = now;
            }
            Err(error) => {
                failures += 1;
                if failures == FAILURES {
                    return Err(error);
                }
            }
        }
    }
    Ok(Watched { stopped: !replay.state.is_final(), replay })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use aws_sdk_eventbridge::operation::describe_replay::{DescribeReplayError, DescribeReplayOutput};
    use aws_sdk_eventbridge::types::ReplayState as State;
    use aws_smithy_mocks::{Rule, mock};
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;
    use crate::aws::archive::ReplayState;
    use crate::aws::testing;

    const PAUSE: Duration = Duration::from_millis(1);

    fn states(states: &'static [State]) -> Rule {
        let look = AtomicUsize::new(0);
        mock!(Client::describe_replay).match_requests(|request| request.replay_name() == Some("r")).then_compute_output(
            move |_| {
                let look = look.fetch_add(1, Ordering::Relaxed).min(states.len() - 1);
                DescribeReplayOutput::builder().replay_name("r").state(states[look].clone()).build()
            },
        )
    }

    #[tokio::test]
    async fn it_tells_each_change_and_ends_with_the_replay() {
        let rule = states(&[State::Starting, State::Running, State::Running, State::Completed]);
        let mut seen = Vec::new();
        let client = testing::clients(&[&rule]).eventbridge;
        let watched = watch(&client, "r", PAUSE, &Stop::never(), |replay| seen.push(replay.state)).await.unwrap();
        assert_eq!(seen, [ReplayState::Starting, ReplayState::Running, ReplayState::Completed]);
        assert!(!watched.stopped);
    }

    #[tokio::test]
    async fn asked_to_stop_it_leaves_the_replay_alone() {
        let rule = states(&[State::Running]);
        let stop = Stop::never();
        let client = testing::clients(&[&rule]).eventbridge;
        let watched = watch(&client, "r", PAUSE, &stop, |_| stop.request()).await.unwrap();
        assert_eq!((watched.stopped, watched.replay.state), (true, ReplayState::Running));
        // Nothing but looks: a cancel would have met no rule and failed.
        assert!(rule.num_calls() >= 1);
    }

    #[tokio::test]
    async fn some_failed_looks_are_borne_and_many_are_not() {
        let failing = |good: usize| {
            let look = AtomicUsize::new(0);
            move || look.fetch_add(1, Ordering::Relaxed) >= good
        };
        let fails = failing(1);
        let good = states(&[State::Running]);
        let bad = mock!(Client::describe_replay).match_requests(move |_| fails()).then_error(|| {
            DescribeReplayError::generic(ErrorMetadata::builder().code("InternalException").message("no").build())
        });
        let client = testing::clients(&[&bad, &good]).eventbridge;
        let error = watch(&client, "r", PAUSE, &Stop::never(), |_| {}).await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some("InternalException"));
        assert_eq!(bad.num_calls(), FAILURES as usize);
    }
}
