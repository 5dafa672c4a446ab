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
