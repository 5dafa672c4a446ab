//! Names of runs.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::feed::random;

/// Name of a run, `20261124-070512-123-4f9a1c2b`: its start in UTC, to the millisecond, and a random part. So names sort by
/// time, and two runs of the same millisecond differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

/// The form of a run's name; `d` stands for a digit, `x` for a hexadecimal one.
const FORM: &str = "dddddddd-dddddd-ddd-xxxxxxxx";

impl RunId {
    /// A new name for a run that starts now.
    pub fn new(now: Timestamp) -> Self {
        let time = now.strftime("%Y%m%d-%H%M%S-%3f");
        Self(format!("{time}-{:08x}", random::unique() >> 32))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

impl FromStr for RunId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Strict, for it becomes a part of a path.
        let fits = |(form, character): (char, char)| match form {
            'd' => character.is_ascii_digit(),
            'x' => matches!(character, '0'..='9' | 'a'..='f'),
            other => character == other,
        };
        if text.len() == FORM.len() && FORM.chars().zip(text.chars()).all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("{text:?} is not the name of a run, such as 20261124-070512-123-4f9a1c2b"))
        }
    }
}

impl TryFrom<String> for RunId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.0
    }
}
