//! What looking costs. Prices in US dollars, us-east-1, read in 2026; docs/cost.md says how sure they are.

use std::collections::BTreeMap;

use crate::aws::calls::{Api, ApiCalls};

/// What AWS charges together: one price, one monthly free amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Charge {
    /// <https://aws.amazon.com/cloudwatch/pricing/>: $0.01 for 1,000 requests, a million a month are free.
    CloudWatchRequests,
    /// <https://aws.amazon.com/sqs/pricing/>: $0.40 for a million requests, a million a month are free.
    SqsRequests,
    /// <https://aws.amazon.com/dynamodb/pricing/on-demand/>: $0.125 for a million read request units; the free tier is for
    /// provisioned capacity.
    DynamoReads,
    /// <https://aws.amazon.com/xray/pricing/>: $0.50 for a million traces scanned or retrieved, a million a month are
    /// free. The service graph is neither.
    Traces,
    /// Control planes.
    Nothing,
}

impl Charge {
    fn of(api: Api) -> Self {
        match api {
            Api::DescribeAlarms | Api::DescribeAlarmHistory | Api::GetMetricStatistics => Self::CloudWatchRequests,
            Api::Sqs => Self::SqsRequests,
            Api::DynamoDb => Self::DynamoReads,
            Api::GetTraceSummaries | Api::BatchGetTraces => Self::Traces,
            Api::GetServiceGraph | Api::Lambda | Api::EventBridge | Api::Other => Self::Nothing,
        }
    }

    /// Dollars a unit.
    fn price(self) -> f64 {
        match self {
            Self::CloudWatchRequests => 0.01 / 1e3,
            Self::SqsRequests => 0.40 / 1e6,
            Self::DynamoReads => 0.125 / 1e6,
            Self::Traces => 0.50 / 1e6,
            Self::Nothing => 0.0,
        }
    }

    /// Units a month that an account has for nothing.
    fn free(self) -> f64 {
        match self {
            Self::CloudWatchRequests | Self::SqsRequests | Self::Traces => 1e6,
            Self::DynamoReads | Self::Nothing => 0.0,
        }
    }
}

/// What was used, by what is charged together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Usage(BTreeMap<Charge, f64>);

impl Usage {
    /// Adds calls, `times` over.
    pub(super) fn add(&mut self, calls: &[ApiCalls], times: f64) {
        for calls in calls {
            *self.0.entry(Charge::of(calls.api)).or_default() += calls.units * times;
        }
    }

    /// What it costs in dollars where no free tier is left.
    pub(super) fn dollars(&self) -> f64 {
        self.0.iter().map(|(charge, units)| units * charge.price()).sum()
    }

    /// What it costs in dollars a month where nothing else uses the free tier.
    pub(super) fn dollars_beyond_free(&self) -> f64 {
        self.0.iter().map(|(charge, units)| (units - charge.free()).max(0.0) * charge.price()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_charged_together_shares_its_free_amount() {
        let mut usage = Usage::default();
        usage.add(&[ApiCalls::new(Api::DescribeAlarms, 1)], 600_000.0);
        usage.add(&[ApiCalls::new(Api::GetMetricStatistics, 6)], 100_000.0);
        assert!((usage.dollars() - 12.0).abs() < 1e-9, "{usage:?}");
        assert!((usage.dollars_beyond_free() - 2.0).abs() < 1e-9, "{usage:?}");
    }

    #[test]
    fn reads_are_charged_by_what_they_read() {
        let mut usage = Usage::default();
        usage.add(&[ApiCalls { api: Api::DynamoDb, calls: 3, units: 8.0 }], 1e6);
        assert!((usage.dollars() - 1.0).abs() < 1e-9 && (usage.dollars_beyond_free() - 1.0).abs() < 1e-9);
        assert!(Usage::default().dollars().abs() < f64::EPSILON);
    }
}
