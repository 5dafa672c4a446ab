//! Time and waiting, given from outside so that tests decide what time it is.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::Either;
use jiff::{SignedDuration, Timestamp};

/// A future that somebody else polls.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Tells the time and waits.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
    /// Ends after `duration`: how long others may take, see [`within`].
    fn limit(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// What `work` comes to, or none if it takes longer than `limit`; then it is dropped.
pub(crate) async fn within<F: Future>(clock: &SharedClock, limit: Duration, work: F) -> Option<F::Output> {
    let work = std::pin::pin!(work);
    match futures::future::select(work, clock.limit(limit)).await {
        Either::Left((done, _)) => Some(done),
        Either::Right(((), _)) => None,
    }
}

/// A clock that is passed around.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock for tests: it stands still until it is moved, and waiting moves it.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Arc<Self> {
        Arc::new(Self { now: Mutex::new(now) })
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = later(*now, duration);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.advance(duration);
        Box::pin(std::future::ready(()))
    }
}

/// `time + duration`, or the end of time.
pub fn later(time: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| time.checked_add(duration).ok())
        .unwrap_or(Timestamp::MAX)
}

/// How long it is from `from` to `to`; zero if `to` comes first.
pub fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// The moment by which a stage's work has to be done.
///
/// Lambda kills a function that passes its timeout (30 s): nothing is reported, and the environment is lost. So the work
/// ends [`Deadline::RESERVE`] earlier, or at half the time if there is less than twice the reserve, and what is left is
/// for saying that it failed.
#[derive(Debug, Clone, Copy)]
pub struct Deadline(Timestamp);

impl Deadline {
    /// Kept for the FAILED audit row (one operation, [`crate::aws::OPERATION_TIMEOUT`]) and the answer to Lambda.
    pub const RESERVE: Duration = Duration::from_secs(6);

    /// For an invocation that begins `now` and that Lambda kills at `killed_at`.
    pub fn new(now: Timestamp, killed_at: Timestamp) -> Self {
        let total = elapsed(now, killed_at);
        Self(later(now, total.saturating_sub(Self::RESERVE).max(total / 2)))
    }

    /// The time left.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        elapsed(now, self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_ends_before_lambda_does() {
        let start = Timestamp::UNIX_EPOCH;
        let thirty = Deadline::new(start, later(start, Duration::from_secs(30)));
        assert_eq!(thirty.remaining(start), Duration::from_secs(24));
        let four = Deadline::new(start, later(start, Duration::from_secs(4)));
        assert_eq!(four.remaining(start), Duration::from_secs(2));
        let passed = Deadline::new(later(start, Duration::from_secs(9)), start);
        assert_eq!(passed.remaining(later(start, Duration::from_secs(9))), Duration::ZERO);
    }
}
