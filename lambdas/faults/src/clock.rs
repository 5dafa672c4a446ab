//! Time that passes when a test says so.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use jiff::Timestamp;
use pipeline::clock::{BoxFuture, Clock, later};

/// The clock of the functions and of the SDK. Clones show the same time.
#[derive(Debug, Clone)]
pub struct SimulatedClock(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    now: Timestamp,
    timers: BTreeMap<(Timestamp, u64), Option<Waker>>,
    made: u64,
}

impl SimulatedClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(State { now, timers: BTreeMap::new(), made: 0 })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock to `now`, if that is not in its past, and wakes who has waited for it.
    pub fn move_to(&self, now: Timestamp) {
        let mut state = self.lock();
        state.now = state.now.max(now);
        let due = state.now;
        for (_, waker) in state.timers.range_mut(..=(due, u64::MAX)) {
            if let Some(waker) = waker.take() {
                waker.wake();
            }
        }
    }

    /// When the next who waits has waited long enough.
    pub fn next(&self) -> Option<Timestamp> {
        self.lock().timers.first_key_value().map(|((at, _), _)| *at)
    }

    fn timer(&self, duration: Duration) -> Timer {
        let mut state = self.lock();
        let key = (later(state.now, duration), state.made);
        state.made += 1;
        state.timers.insert(key, None);
        Timer { clock: self.clone(), key }
    }
}

struct Timer {
    clock: SimulatedClock,
    key: (Timestamp, u64),
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.lock();
        if state.now >= self.key.0 {
            return Poll::Ready(());
        }
        state.timers.insert(self.key, Some(context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.clock.lock().timers.remove(&self.key);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.timer(duration))
    }

    fn limit(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.timer(duration))
    }
}

impl AsyncSleep for SimulatedClock {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(self.timer(duration))
    }
}
