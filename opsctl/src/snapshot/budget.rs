//! Not more calls a second than AWS allows, and of that only a part: the account has other users too.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::aws::calls::{Api, ApiCalls};

/// Our part of an account's limit.
const SHARE: f64 = 0.25;

/// How many calls a second AWS takes from an account, in one region; none where that is no limit for a console.
///
/// `CloudWatch`: "`CloudWatch` service quotas" in its user guide (`DescribeAlarms` 9, `DescribeAlarmHistory` 3,
/// `GetMetricStatistics` 400). Lambda: "Lambda quotas" (`GetFunction` 100, the other control plane calls together 15; the
/// lower is taken). `EventBridge`: "Quotas" (50 for what it does not list). X-Ray publishes none: 5 is what
/// its users report to work.
fn per_second(api: Api) -> Option<f64> {
    match api {
        Api::DescribeAlarms => Some(9.0),
        Api::DescribeAlarmHistory => Some(3.0),
        Api::GetMetricStatistics => Some(400.0),
        Api::Lambda => Some(15.0),
        Api::EventBridge => Some(50.0),
        Api::GetServiceGraph | Api::GetTraceSummaries | Api::BatchGetTraces => Some(5.0),
        Api::Sqs | Api::DynamoDb | Api::Other => None,
    }
}

/// A token bucket an API. A burst of ten seconds' worth is allowed, so that a first screen comes at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Budget(BTreeMap<Api, Bucket>);

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Timestamp,
}

/// How many seconds' worth a full bucket holds.
const BURST: f64 = 10.0;

/// How many calls a second we allow ourselves.
fn rate(api: Api) -> Option<f64> {
    per_second(api).map(|limit| limit * SHARE)
}

impl Budget {
    /// When these calls may begin: now, or later. Takes nothing.
    pub(super) fn ready_at(&self, calls: &[ApiCalls], now: Timestamp) -> Timestamp {
        let ready = |wanted: &ApiCalls| {
            let rate = rate(wanted.api)?;
            // Who wants more than a bucket holds has to do with a full one.
            let missing = number(wanted.calls).min(rate * BURST) - self.tokens(wanted.api, rate, now);
            let wait = SignedDuration::try_from_secs_f64((missing / rate).max(0.0)).ok()?;
            now.checked_add(wait).ok()
        };
        calls.iter().filter_map(ready).max().unwrap_or(now)
    }

    /// Takes what was used, also what was used without asking: then the bucket owes, one burst at most, or one long
    /// read would silence the screen.
    pub(super) fn take(&mut self, calls: &[ApiCalls], now: Timestamp) {
        for used in calls {
            let Some(rate) = rate(used.api) else { continue };
            let left = self.tokens(used.api, rate, now) - number(used.calls);
            self.0.insert(used.api, Bucket { tokens: left.max(-rate * BURST), at: now });
        }
    }

    fn tokens(&self, api: Api, rate: f64, now: Timestamp) -> f64 {
        let full = rate * BURST;
        self.0.get(&api).map_or(full, |bucket| {
            let passed = now.duration_since(bucket.at).as_secs_f64().max(0.0);
            (bucket.tokens + passed * rate).min(full)
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody makes 2^53 calls")]
fn number(calls: u64) -> f64 {
    calls as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_burst_passes_and_then_the_share_of_the_limit() {
        let mut budget = Budget::default();
        // A quarter of 3 a second, ten seconds' worth: 7.5.
        let calls = |number| [ApiCalls::new(Api::DescribeAlarmHistory, number)];
        assert_eq!(budget.ready_at(&calls(7), at(0)), at(0));
        budget.take(&calls(7), at(0));
        assert_eq!(budget.ready_at(&calls(2), at(0)), at(2));
        assert_eq!(budget.ready_at(&calls(2), at(2)), at(2));
        // A full bucket is enough for whoever wants more than it holds.
        assert_eq!(budget.ready_at(&calls(100), at(1_000)), at(1_000));
    }

    #[test]
    fn what_was_used_without_asking_is_owed_and_other_apis_are_not_held() {
        let mut budget = Budget::default();
        budget.take(&[ApiCalls::new(Api::DescribeAlarms, 1_000)], at(0));
        let ready = budget.ready_at(&[ApiCalls::new(Api::DescribeAlarms, 1)], at(0));
        assert!(at(10) < ready && ready < at(12), "{ready}");
        for api in [Api::Sqs, Api::GetMetricStatistics] {
            assert_eq!(budget.ready_at(&[ApiCalls::new(api, 21)], at(0)), at(0), "{api:?}");
        }
    }
}
