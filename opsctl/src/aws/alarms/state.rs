//! The present state of alarms.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{MetricAlarm, StateValue};
use jiff::Timestamp;
use serde::Serialize;

use crate::aws::time::from_sdk;
use crate::aws::{AwsError, Doing};
use crate::stack::{AlarmName, StageName};

/// `DescribeAlarms` takes at most so many names.
const NAMES_PER_CALL: usize = 100;

/// The state of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmState {
    /// It is ringing.
    Alarm,
    /// The stack should have it, and it does not exist.
    Missing,
    /// Its metric has no data.
    InsufficientData,
    /// All is well.
    Ok,
}

impl AlarmState {
    /// The state that `CloudWatch` writes so.
    pub(super) fn from_aws(text: &str) -> Option<Self> {
        match text {
            "ALARM" => Some(Self::Alarm),
            "OK" => Some(Self::Ok),
            "INSUFFICIENT_DATA" => Some(Self::InsufficientData),
            _ => None,
        }
    }

    /// The state in a word or two.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alarm => "ringing",
            Self::Missing => "missing",
            Self::InsufficientData => "no data",
            Self::Ok => "ok",
        }
    }
}

/// An alarm of the stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// The stage that it watches, when it watches one.
    pub stage: Option<StageName>,
    /// What it watches: `errors`, `throttles` …
    pub kind: String,
    /// Its state.
    pub state: AlarmState,
    /// Since when it is in that state.
    pub since: Option<Timestamp>,
    /// Why, in `CloudWatch`'s words.
    pub reason: Option<String>,
    /// False when someone switched its actions off, so that nobody is told.
    pub actions_enabled: bool,
}

impl Alarm {
    /// The order in which a person wants to see them: the ringing ones first, then by stage.
    pub(super) fn rank(&self) -> (AlarmState, Option<StageName>, String) {
        (self.state, self.stage, self.name.clone())
    }
}

/// Reads the stack's alarms, the ringing ones first. One call a hundred; an alarm that does not exist is
/// [`AlarmState::Missing`]. Other alarms of the account are not looked at.
pub async fn read(client: &Client, expected: &[AlarmName]) -> Result<Vec<Alarm>, AwsError> {
    let mut found = Vec::new();
    for names in expected.chunks(NAMES_PER_CALL) {
        let answer = client
            .describe_alarms()
            .set_alarm_names(Some(names.iter().map(|alarm| alarm.name.clone()).collect()))
            .max_records(100)
            .send()
            .await
            .doing(|| format!("read the state of {} alarms", expected.len()))?;
        found.extend(answer.metric_alarms.unwrap_or_default());
    }
    let mut alarms: Vec<Alarm> = expected
        .iter()
        .map(|name| describe(name, found.iter().find(|alarm| alarm.alarm_name() == Some(&name.name))))
        .collect();
    alarms.sort_by_key(Alarm::rank);
    Ok(alarms)
}

fn describe(name: &AlarmName, found: Option<&MetricAlarm>) -> Alarm {
    Alarm {
        name: name.name.clone(),
        stage: name.stage,
        kind: name.kind.clone(),
        state: match found.map(|alarm| alarm.state_value()) {
            None => AlarmState::Missing,
            Some(Some(StateValue::Alarm)) => AlarmState::Alarm,
            Some(Some(StateValue::Ok)) => AlarmState::Ok,
            Some(_) => AlarmState::InsufficientData,
        },
        // The transition is what a person means by "since"; the update moves with every new reason.
        since: found
            .and_then(|alarm| alarm.state_transitioned_timestamp().or(alarm.state_updated_timestamp()))
            .and_then(from_sdk),
        reason: found.and_then(|alarm| alarm.state_reason()).map(str::to_owned),
        actions_enabled: found.is_none_or(|alarm| alarm.actions_enabled().unwrap_or(true)),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
    use aws_smithy_mocks::mock;
    use aws_smithy_types::DateTime;

    use super::*;
    use crate::aws::testing;

    #[tokio::test]
    async fn ringing_alarms_come_first_and_missing_ones_are_said() {
        let rule = mock!(Client::describe_alarms)
            .match_requests(|request| request.alarm_names() == ["quiet", "gone", "ringing"])
            .then_output(|| {
                let alarm = |name: &str, state: StateValue| {
                    MetricAlarm::builder()
                        .alarm_name(name)
                        .state_value(state)
                        .state_transitioned_timestamp(DateTime::from_secs(100))
                        .state_updated_timestamp(DateTime::from_secs(200))
                        .state_reason("because")
                        .actions_enabled(name != "quiet")
                        .build()
                };
                DescribeAlarmsOutput::builder()
                    .metric_alarms(alarm("quiet", StateValue::Ok))
                    .metric_alarms(alarm("ringing", StateValue::Alarm))
                    .build()
            });
        let names = ["quiet", "gone", "ringing"].map(|name| AlarmName {
            name: name.to_owned(),
            stage: Some(StageName::Ingestion),
            kind: "errors".to_owned(),
        });
        let alarms = read(&testing::clients(&[&rule]).cloudwatch, &names).await.unwrap();
        let seen: Vec<_> =
            alarms.iter().map(|alarm| (alarm.name.as_str(), alarm.state, alarm.actions_enabled)).collect();
        assert_eq!(
            seen,
            [
                ("ringing", AlarmState::Alarm, true),
                ("gone", AlarmState::Missing, true),
                ("quiet", AlarmState::Ok, false)
            ]
        );
        assert_eq!(
            alarms[0].since,
            Timestamp::from_second(100).ok(),
            "since the state changed, not since its reason did"
        );
    }
}
