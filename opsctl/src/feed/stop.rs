//! Stopping cleanly.

use tokio::sync::watch;

/// Whether to stop. Cheap to clone; every clone sees the same.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self::never()
    }
}

impl Stop {
    /// Not asked to stop, until [`Stop::request`].
    pub fn never() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Asked to stop by the first Ctrl-C. The second one ends the process at once, as if it were not handled.
    pub fn on_ctrl_c() -> Self {
        let stop = Self::never();
        let asked = stop.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                asked.request();
            }
            if tokio::signal::ctrl_c().await.is_ok() {
                // 128 + SIGINT, as shells count.
                std::process::exit(130);
            }
        });
        stop
    }

    /// Asks to stop.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// True once asked.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until asked.
    pub async fn requested(&self) {
        // The sender lives in self, so this cannot fail.
        let _ = self.0.subscribe().wait_for(|stop| *stop).await;
    }

    /// Waits for `duration`, or less when asked to stop.
    pub async fn sleep(&self, duration: std::time::Duration) {
        tokio::select! {
            () = self.requested() => {}
            () = tokio::time::sleep(duration) => {}
        }
    }
}
