//! Polling for a state.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The limit of an ordinary wait. It is far above what is ever needed, so that a busy machine does not fail a test.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Polls `probe` until it gives `Ok(value)`. `Err` carries what was seen last, for the message of the failure.
///
/// # Panics
/// When the state has not come within `limit`: this is an assertion.
pub async fn until<T, F, Fut>(what: &str, limit: Duration, mut probe: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let started = Instant::now();
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(seen) => {
                assert!(started.elapsed() < limit, "{what}: did not happen within {limit:?}; last seen: {seen}");
            }
        }
        sleep(Duration::from_millis(200)).await;
    }
}
