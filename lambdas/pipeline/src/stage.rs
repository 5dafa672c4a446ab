//! The three stages.

use std::fmt;

/// A stage of the pipeline. Its text names its function, queue, rule and parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Validates and stores what feeds publish.
    Ingestion,
    /// Enriches what is stored.
    Processing,
    /// Tells people.
    Notification,
}

impl Stage {
    /// `ingestion`, `processing`, `notification`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingestion => "ingestion",
            Self::Processing => "processing",
            Self::Notification => "notification",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
