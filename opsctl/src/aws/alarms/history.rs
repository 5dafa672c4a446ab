//! What alarms did, and how they were at a time in the past.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmHistoryItem, HistoryItemType, ScanBy};
use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::{Alarm, AlarmState};
use crate::aws::time::{from_sdk, to_sdk};
use crate::aws::{AwsError, Doing};

/// `CloudWatch` keeps the history of alarms for 30 days.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// `DescribeAlarmHistory` returns at most so many items.
const ITEMS_PER_CALL: i32 = 100;
/// At most so many calls for one question: they are limited to three a second in an account.
const CALLS: usize = 30;
/// Calls at the same time.
const CONCURRENCY: usize = 2;

/// A change of an alarm's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// The alarm's name.
    pub alarm: String,
    /// When it changed.
    pub at: Timestamp,
    /// The state before.
    pub from: AlarmState,
    /// The state after.
    pub to: AlarmState,
    /// Why, in `CloudWatch`'s words.
    pub reason: Option<String>,
}

impl Transition {
    /// An item of another shape is none: an alarm's configuration is in its history too.
    fn from_item(item: &AlarmHistoryItem) -> Option<Self> {
        let data: Value = serde_json::from_str(item.history_data()?).ok()?;
        let state = |which: &str| AlarmState::from_aws(data[which]["stateValue"].as_str()?);
        Some(Self {
            alarm: item.alarm_name()?.to_owned(),
            at: item.timestamp().and_then(from_sdk)?,
            from: state("oldState")?,
            to: state("newState")?,
            reason: data["newState"]["stateReason"].as_str().map(str::to_owned),
        })
    }
}

/// Which changes to look for.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: Timestamp,
    end: Timestamp,
    newest_first: bool,
    limit: usize,
}

/// Reads the changes of an alarm's state between two times, the latest first, at most `limit`.
pub async fn history(
    client: &Client,
    alarm: &str,
    start: Timestamp,
    end: Timestamp,
    limit: usize,
) -> Result<Vec<Transition>, AwsError> {
    let span = Span { start, end, newest_first: true, limit };
    Ok(transitions(client, Some(alarm), span).await?.0)
}

/// How the stack's alarms were at a time in the past, those that rang first.
///
/// `present` are their present states ([`super::read`]): an alarm that has not changed since is as it was. One that has changed
/// was in the state that its first change since then left. So one sweep over the changes since then answers for all
/// alarms, and only for those that rang a call each says since when and why.
pub async fn at(client: &Client, present: Vec<Alarm>, at: Timestamp, now: Timestamp) -> Result<Vec<Alarm>, AwsError> {
    let number = present.len();
    let doing = || format!("read how {number} alarms were at {at}");
    if now.duration_since(at) >= KEPT {
        return Err(AwsError::unusable(doing(), "CloudWatch keeps the history of alarms for 30 days"));
    }
    let span = Span { start: at, end: now, newest_first: false, limit: usize::MAX };
    let (changes, complete) = transitions(client, None, span).await?;
    if !complete {
        let reason = format!("the account's alarms changed more than {} times since then", changes.len());
        return Err(AwsError::unusable(doing(), reason));
    }
    let alarms = present.into_iter().map(|alarm| {
        let first = changes.iter().find(|change| change.alarm == alarm.name && change.at > at);
        async move {
            // Whether its actions were switched on then is not known; a guess would be told as a finding.
            let alarm = Alarm { actions_enabled: true, ..alarm };
            match first {
                None if alarm.since.is_none_or(|since| since <= at) || alarm.state == AlarmState::Missing => Ok(alarm),
                // It changed, and its history does not say from what: it was made or made again since.
                None => Ok(Alarm { state: AlarmState::InsufficientData, since: None, reason: None, ..alarm }),
                Some(change) if change.from == AlarmState::Alarm => {
                    let before = history(client, &alarm.name, at - KEPT, at, 1).await?.into_iter().next();
                    let (since, reason) = before.map_or((None, None), |before| (Some(before.at), before.reason));
                    Ok(Alarm { state: AlarmState::Alarm, since, reason, ..alarm })
                }
                Some(change) => Ok(Alarm { state: change.from, since: None, reason: None, ..alarm }),
            }
        }
    });
    let mut alarms: Vec<Alarm> = stream::iter(alarms).buffer_unordered(CONCURRENCY).try_collect().await?;
    alarms.sort_by_key(Alarm::rank);
    Ok(alarms)
}

/// Reads changes, and whether those are all.
async fn transitions(client: &Client, alarm: Option<&str>, span: Span) -> Result<(Vec<Transition>, bool), AwsError> {
    let mut found: Vec<Transition> = Vec::new();
    let mut token = None;
    for _ in 0..CALLS {
        let answer = client
            .describe_alarm_history()
            .set_alarm_name(alarm.map(str::to_owned))
            .history_item_type(HistoryItemType::StateUpdate)
            .start_date(to_sdk(span.start))
            .end_date(to_sdk(span.end))
            .scan_by(if span.newest_first { ScanBy::TimestampDescending } else { ScanBy::TimestampAscending })
            .max_records(i32::try_from(span.limit).unwrap_or(i32::MAX).min(ITEMS_PER_CALL))
            .set_next_token(token)
            .send()
            .await
            .doing(|| format!("read the history of {}", alarm.unwrap_or("the alarms")))?;
        found.extend(answer.alarm_history_items().iter().filter_map(Transition::from_item));
        token = answer.next_token.filter(|token| !token.is_empty());
        if token.is_none() || found.len() >= span.limit {
            found.truncate(span.limit);
            return Ok((found, true));
        }
    }
    Ok((found, false))
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::operation::describe_alarm_history::DescribeAlarmHistoryOutput;
    use aws_smithy_mocks::mock;
    use serde_json::json;

    use super::*;
    use crate::aws::testing;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn item(alarm: &str, at: i64, from: &str, to: &str) -> AlarmHistoryItem {
        let data = json!({
            "version": "1.0",
            "oldState": { "stateValue": from },
            "newState": { "stateValue": to, "stateReason": format!("{from} to {to}") },
        });
        AlarmHistoryItem::builder()
            .alarm_name(alarm)
            .timestamp(to_sdk(second(at)))
            .history_data(data.to_string())
            .build()
    }

    fn alarm(name: &str, state: AlarmState, since: i64) -> Alarm {
        Alarm {
            name: name.to_owned(),
            stage: None,
            kind: "errors".to_owned(),
            state,
            since: Some(second(since)),
            reason: Some("now".to_owned()),
            actions_enabled: true,
        }
    }

    #[tokio::test]
    async fn the_past_is_told_by_the_first_change_since_then() {
        // Asked for 1000 at 2000: "rang" rang from 900 to 1100 and rings again, "came" began to ring at 1500, "still" has
        // rung since 800, "made" was made at 1700.
        let sweep = mock!(Client::describe_alarm_history)
            .match_requests(|request| {
                request.alarm_name().is_none() && request.scan_by() == Some(&ScanBy::TimestampAscending)
            })
            .then_compute_output(|request| {
                if request.next_token().is_none() {
                    return DescribeAlarmHistoryOutput::builder()
                        .alarm_history_items(item("rang", 1_100, "ALARM", "OK"))
                        .alarm_history_items(item("somebody-elses", 1_200, "OK", "ALARM"))
                        .next_token("more")
                        .build();
                }
                DescribeAlarmHistoryOutput::builder()
                    .alarm_history_items(item("came", 1_500, "OK", "ALARM"))
                    .alarm_history_items(item("rang", 1_600, "OK", "ALARM"))
                    .build()
            });
        let before = mock!(Client::describe_alarm_history)
            .match_requests(|request| {
                request.alarm_name() == Some("rang")
                    && request.end_date() == Some(&to_sdk(second(1_000)))
                    && request.max_records() == Some(1)
            })
            .then_output(|| {
                DescribeAlarmHistoryOutput::builder().alarm_history_items(item("rang", 900, "OK", "ALARM")).build()
            });
        let client = testing::clients(&[&sweep, &before]).cloudwatch;
        let present = vec![
            alarm("rang", AlarmState::Alarm, 1_600),
            alarm("came", AlarmState::Alarm, 1_500),
            alarm("still", AlarmState::Alarm, 800),
            alarm("made", AlarmState::Ok, 1_700),
        ];
        let past = at(&client, present, second(1_000), second(2_000)).await.unwrap();
        let seen: Vec<_> = past
            .iter()
            .map(|alarm| {
                (alarm.name.as_str(), alarm.state, alarm.since.map(Timestamp::as_second), alarm.reason.as_deref())
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("rang", AlarmState::Alarm, Some(900), Some("OK to ALARM")),
                ("still", AlarmState::Alarm, Some(800), Some("now")),
                ("made", AlarmState::InsufficientData, None, None),
                ("came", AlarmState::Ok, None, None),
            ]
        );
        assert_eq!((sweep.num_calls(), before.num_calls()), (2, 1));
    }

    #[tokio::test]
    async fn what_is_no_longer_kept_is_not_guessed() {
        let client = testing::clients(&[]).cloudwatch;
        let day = 86_400;
        let error = at(&client, Vec::new(), second(0), second(31 * day)).await.unwrap_err();
        assert!(error.to_string().contains("30 days"), "{error}");
        let endless = mock!(Client::describe_alarm_history).then_output(|| {
            DescribeAlarmHistoryOutput::builder()
                .alarm_history_items(item("busy", 1_500, "OK", "ALARM"))
                .next_token("more")
                .build()
        });
        let client = testing::clients(&[&endless]).cloudwatch;
        let error = at(&client, Vec::new(), second(1_000), second(2_000)).await.unwrap_err();
        assert!(error.to_string().contains("changed more than 30 times"), "{error}");
        assert_eq!(endless.num_calls(), CALLS);
    }

    #[tokio::test]
    async fn a_history_is_the_latest_first_and_ends_at_its_limit() {
        let rule = mock!(Client::describe_alarm_history)
            .match_requests(|request| {
                request.alarm_name() == Some("a") && request.scan_by() == Some(&ScanBy::TimestampDescending)
            })
            .then_output(|| {
                let other = AlarmHistoryItem::builder().alarm_name("a").history_data("{}").build();
                DescribeAlarmHistoryOutput::builder()
                    .alarm_history_items(item("a", 3, "OK", "ALARM"))
                    .alarm_history_items(other)
                    .alarm_history_items(item("a", 2, "INSUFFICIENT_DATA", "OK"))
                    .next_token("more")
                    .build()
            });
        let client = testing::clients(&[&rule]).cloudwatch;
        let changes = history(&client, "a", second(0), second(9), 3).await.unwrap();
        assert_eq!(changes.iter().map(|change| change.at.as_second()).collect::<Vec<_>>(), [3, 2, 3]);
        assert_eq!(rule.num_calls(), 2);
    }
}
