//! What the functions say about themselves: log lines, metrics, traces.

pub mod logs;
pub mod metrics;
pub mod traces;
mod xray;

use std::env;

use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The namespace of every metric.
pub const NAMESPACE: &str = "MarketData";

/// Starts logs on standard output, and traces to the X-Ray daemon if Lambda names one. Once a process; the provider that
/// is returned must be flushed after every invocation.
pub(crate) fn start() -> Option<SdkTracerProvider> {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    // Without the daemon's address there is no daemon: that is so outside Lambda.
    let daemon = env::var("AWS_XRAY_DAEMON_ADDRESS").ok().and_then(|address| address.parse().ok());
    let provider = daemon.and_then(|address| traces::provider(address).ok());
    tracing_subscriber::registry()
        .with(provider.as_ref().map(traces::layer))
        .with(logs::layer(level, std::io::stdout))
        .init();
    provider
}

#[cfg(test)]
pub(crate) mod testing {
    use std::sync::{Arc, Mutex};

    /// Output that can be read.
    #[derive(Clone, Default)]
    pub(crate) struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Buffer {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl std::io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
