//! How long AWS takes to answer: log-normal by median and 99th percentile.
//!
//! AWS publishes few such numbers, so each is named with where it comes from; those that are assumptions say so. They are
//! as a client in the same region sees them over an open connection. None of them flatters the functions: what is
//! measured as theirs ([`crate::sample::Sample::overhead`]) leaves the injected time out.
//!
//! - `DynamoDB`: "single-digit millisecond performance at any scale" (AWS's product page and developer guide,
//!   Introduction); items here are 1 KB and a query reads 50 of them. Medians 4 and 5 ms, p99 10 and 14 ms: assumptions
//!   within that statement.
//! - `EventBridge`, `PutEvents` until its answer: not published by AWS. Assumed 12 ms, p99 50 ms.
//! - `EventBridge`, from `PutEvents` to the target's invocation: p99 129 ms (AWS, What's New of November 2024: "up to
//!   94 % improvement in end-to-end latency", from 2,235 to 129.33 ms at P99). Median assumed 50 ms.
//! - SSM `GetParameters`: not published. Assumed 15 ms, p99 60 ms.
//! - SNS `Publish`: "typically under 30 milliseconds" until delivered to Lambda or SQS (AWS, SNS's FAQ). 15 ms, p99 60 ms.
//! - SQS `SendMessage`: "typical latencies in the tens or low hundreds of milliseconds" (AWS, SQS developer guide,
//!   increasing throughput). 10 ms, p99 50 ms.

use std::time::Duration;

/// The standard normal distribution's 99th percentile.
const Z99: f64 = 2.326_347_874;

/// A log-normal distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Latency {
    /// Milliseconds.
    pub(crate) p50: f64,
    /// Milliseconds.
    pub(crate) p99: f64,
}

impl Latency {
    pub(crate) const fn new(p50: f64, p99: f64) -> Self {
        Self { p50, p99 }
    }

    /// A value; `normal` is one of the standard normal distribution. Never more than twice the 99th percentile.
    fn at(self, normal: f64) -> Duration {
        let sigma = (self.p99 / self.p50).ln() / Z99;
        let milliseconds = (self.p50.ln() + sigma * normal).exp().min(self.p99 * 2.0);
        Duration::from_secs_f64(milliseconds / 1000.0)
    }
}

/// From `PutEvents` to the invocation.
pub(crate) const DELIVERY: Latency = Latency::new(50.0, 129.33);

/// Operations and their latencies.
pub(crate) const OPERATIONS: [(&str, Latency); 8] = [
    ("GetItem", Latency::new(4.0, 10.0)),
    ("PutItem", Latency::new(4.0, 10.0)),
    ("UpdateItem", Latency::new(4.0, 10.0)),
    ("Query", Latency::new(5.0, 14.0)),
    ("PutEvents", Latency::new(12.0, 50.0)),
    ("GetParameters", Latency::new(15.0, 60.0)),
    ("Publish", Latency::new(15.0, 60.0)),
    ("SendMessage", Latency::new(10.0, 50.0)),
];

/// Which latencies are injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    /// AWS's.
    Aws,
    /// Every call takes the same, long enough that calls made together overlap on a busy machine too.
    Constant(Duration),
}

/// A small generator (xorshift64*) with a fixed seed: two runs inject the same.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// In (0, 1].
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = u32::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32).unwrap_or(u32::MAX);
        (f64::from(bits) + 1.0) / 4_294_967_296.0
    }

    /// Standard normal (Box and Muller).
    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub(crate) fn draw(&mut self, latency: Latency) -> Duration {
        let normal = self.normal();
        latency.at(normal)
    }
}

impl Model {
    pub(crate) fn of(self, operation: &str, random: &mut Random) -> Duration {
        match self {
            Self::Constant(time) => time,
            Self::Aws => {
                let found = OPERATIONS.iter().find(|(name, _)| *name == operation);
                random.draw(found.map_or(Latency::new(10.0, 50.0), |(_, latency)| *latency))
            }
        }
    }

    pub(crate) fn delivery(self, random: &mut Random) -> Duration {
        match self {
            Self::Constant(_) => Duration::from_millis(1),
            Self::Aws => random.draw(DELIVERY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_has_the_stated_median_and_tail() {
        let mut random = Random::new(7);
        let latency = Latency::new(4.0, 10.0);
        let mut drawn: Vec<_> = (0..20_000).map(|_| random.draw(latency).as_secs_f64() * 1000.0).collect();
        drawn.sort_by(f64::total_cmp);
        assert!((drawn[10_000] - 4.0).abs() < 0.15, "{}", drawn[10_000]);
        assert!((drawn[19_800] - 10.0).abs() < 0.8, "{}", drawn[19_800]);
        assert!(drawn[19_999] <= 20.0);
    }
}
