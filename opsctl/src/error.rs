//! Everything that can go wrong, and the exit code of each.

use std::error::Error as StdError;
use std::io;
use std::process::ExitCode;

use crate::aws::AwsError;
use crate::stack::StackError;

/// A result whose error knows its exit code.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How the process ends. The numbers are part of the interface; `opsctl --help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum ExitStatus {
    /// Done, and all is well.
    Fine = 0,
    /// It did not work.
    Failed = 1,
    /// The command line, or a file it names, cannot be understood.
    Usage = 2,
    /// The answer is known, and it is that the pipeline is unhealthy.
    Unhealthy = 3,
    /// AWS cannot be reached, or does not allow it.
    Unreachable = 4,
    /// Some of it was done.
    Partly = 5,
    /// Refused by a safety, or not confirmed.
    Refused = 6,
}

impl ExitStatus {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

/// What a command can fail with. Each says what failed, on what, and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line, or a file it names, cannot be understood.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do about it.
        help: String,
    },
    /// A safety says no, or nobody confirmed.
    #[error("{message}")]
    Refused {
        /// What was refused and why.
        message: String,
        /// What to do about it.
        help: String,
    },
    /// Something that was needed is not there to talk to.
    #[error("{message}")]
    Unreachable {
        /// What cannot be reached.
        message: String,
        /// What to do about it.
        help: String,
    },
    /// Reading or writing failed.
    #[error("{message}")]
    Io {
        /// What was being done, on what.
        message: String,
        /// The system's reason.
        source: io::Error,
    },
    /// It was tried and did not work.
    #[error("{message}")]
    Failed {
        /// What failed.
        message: String,
        /// What to do about it.
        help: String,
    },
    /// The outputs are not a stack that can be used.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// A call of AWS failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// It was tried and did not work; the chain says why.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl Error {
    /// Wrong usage (exit code 2).
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: help.into() }
    }

    /// Refused by a safety, or not confirmed (exit code 6).
    pub fn refused(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Refused { message: message.into(), help: help.into() }
    }

    /// Nothing to talk to (exit code 4).
    pub fn unreachable(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Unreachable { message: message.into(), help: help.into() }
    }

    /// Failed (exit code 1).
    pub fn failed(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), help: help.into() }
    }

    /// Reading or writing failed (exit code 1).
    pub fn io(message: impl Into<String>, source: io::Error) -> Self {
        Self::Io { message: message.into(), source }
    }

    /// The exit code of this error.
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Usage { .. } => ExitStatus::Usage,
            Self::Refused { .. } => ExitStatus::Refused,
            Self::Unreachable { .. } => ExitStatus::Unreachable,
            Self::Aws(error) if error.kind.is_away() => ExitStatus::Unreachable,
            Self::Io { .. } | Self::Failed { .. } | Self::Stack(_) | Self::Aws(_) | Self::Other(_) => {
                ExitStatus::Failed
            }
        }
    }

    /// What the user can do about it, where that is known.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Usage { help, .. }
            | Self::Refused { help, .. }
            | Self::Unreachable { help, .. }
            | Self::Failed { help, .. } => Some(help),
            Self::Stack(error) => Some(error.help()),
            Self::Aws(error) => Some(error.help()),
            Self::Io { .. } | Self::Other(_) => None,
        }
    }

    /// The reasons below the message, outermost first, each once.
    pub fn causes(&self) -> Vec<String> {
        let mut seen = self.to_string();
        let mut causes = Vec::new();
        let mut next = StdError::source(self);
        while let Some(cause) = next {
            let text = cause.to_string();
            if !seen.contains(&text) {
                causes.push(text.clone());
                seen = text;
            }
            next = cause.source();
        }
        causes
    }
}
