//! What a bad day does to a call.

/// A service that opsctl talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Alarms and metrics.
    CloudWatch,
    /// Dead letters.
    Sqs,
    /// Events and audit.
    DynamoDb,
    /// Latencies and traces.
    XRay,
    /// Functions.
    Lambda,
    /// Rules.
    EventBridge,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::CloudWatch, Self::Sqs, Self::DynamoDb, Self::XRay, Self::Lambda, Self::EventBridge];
}

/// What happens to a call instead of its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No answer comes, and the connection stays open.
    Hangs,
    /// The connection is closed without a word.
    Drops,
    /// AWS answers with an error.
    Refuses {
        /// HTTP's status.
        status: u16,
        /// AWS's code.
        code: &'static str,
        /// AWS's words.
        message: &'static str,
    },
}

impl Trouble {
    /// AWS asks to slow down.
    pub const THROTTLES: Self = Self::Refuses { status: 400, code: "ThrottlingException", message: "Rate exceeded" };

    /// The role lacks the permission.
    pub const DENIES: Self = Self::Refuses {
        status: 403,
        code: "AccessDeniedException",
        message: "User: arn:aws:sts::123456789012:assumed-role/reader is not authorized to perform this action",
    };

    /// The session's credentials are too old.
    pub const EXPIRED: Self = Self::Refuses {
        status: 403,
        code: "ExpiredTokenException",
        message: "The security token included in the request is expired",
    };

    /// The machine's clock is wrong.
    pub const CLOCK_OFF: Self = Self::Refuses {
        status: 403,
        code: "InvalidSignatureException",
        message: "Signature expired: 20261122T110000Z is now earlier than 20261122T115500Z (20261122T120000Z - 5 min.)",
    };

    /// Somebody deleted it.
    pub const GONE: Self =
        Self::Refuses { status: 400, code: "ResourceNotFoundException", message: "Requested resource not found" };
}
