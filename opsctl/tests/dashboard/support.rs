//! A dashboard in a terminal of its own.

use std::path::Path;

use opsctl_harness::{FakeAws, Terminal};

/// Outputs of a stack in which nothing real is named.
pub(crate) const OUTPUTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outputs/dev.json");

pub(crate) const OPSCTL: &str = env!("CARGO_BIN_EXE_opsctl");

/// What is seen of the fake's events.
pub(crate) const EVENT: &str = "BTCUSDT   trade";

/// An environment in which nothing of the user's is found.
pub(crate) const ENVIRONMENT: [(&str, &str); 4] = [
    ("HOME", "/nonexistent"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
];

/// How a dashboard is started.
pub(crate) struct Start<'a> {
    pub(crate) arguments: &'a [&'a str],
    pub(crate) environment: &'a [(&'a str, &'a str)],
    pub(crate) size: (u16, u16),
    pub(crate) dir: &'a Path,
}

impl Default for Start<'_> {
    fn default() -> Self {
        Self { arguments: &[], environment: &[], size: (120, 40), dir: Path::new("/") }
    }
}

/// The arguments of a dashboard that looks at that AWS.
pub(crate) fn arguments(aws: &FakeAws, more: &[&str]) -> Vec<String> {
    let url = aws.url();
    let fixed = ["--outputs", OUTPUTS, "--endpoint-url", &url, "dashboard"];
    fixed.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
}

impl Start<'_> {
    /// Starts it.
    pub(crate) fn dashboard(&self, aws: &FakeAws) -> Terminal {
        let environment: Vec<_> = ENVIRONMENT.iter().chain(self.environment).copied().collect();
        Terminal::start(OPSCTL, arguments(aws, self.arguments), &environment, self.dir, self.size)
    }
}

/// A dashboard of the usual size.
pub(crate) fn dashboard(aws: &FakeAws) -> Terminal {
    Start::default().dashboard(aws)
}

/// The same, once all sources were read and all is well.
pub(crate) fn healthy_dashboard(aws: &FakeAws) -> Terminal {
    let terminal = dashboard(aws);
    terminal.wait_for("all of it", |screen| screen.contains("HEALTHY") && screen.contains(EVENT));
    terminal
}
