//! Settings from SSM: one `GetParameters` call for exactly the function's own names, cached.

mod cache;
mod stages;

use std::collections::BTreeMap;
use std::fmt;

pub use cache::{MAX_AGE, RETRY_AFTER, SettingsCache};
pub use stages::{IngestionSettings, NotificationSettings, ProcessingSettings};

/// The settings of a stage.
pub trait Settings: Sized + Send + Sync + fmt::Debug {
    /// The parameters' names below the prefix; at most ten, which is what one call takes.
    const NAMES: &'static [&'static str];

    /// Reads the settings from the parameters' values. `previous` are the last good ones, if there are any.
    fn parse(values: &Values, previous: Option<&Self>) -> Result<Self, SettingsError>;

    /// The audit table.
    fn audit_table(&self) -> &str;

    /// The stage's dead letter queue.
    fn dlq_url(&self) -> &str;
}

/// Values of parameters by their name below the prefix.
#[derive(Debug, Clone, Default)]
pub struct Values {
    prefix: String,
    values: BTreeMap<String, String>,
}

impl Values {
    /// Values by name below `prefix`.
    pub fn new(prefix: &str, values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { prefix: prefix.to_owned(), values: values.into_iter().collect() }
    }

    /// A value that must be there and not blank.
    fn required(&self, name: &str) -> Result<String, SettingsError> {
        let value = self.values.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
        value.map(str::to_owned).ok_or_else(|| SettingsError::Missing(vec![self.full(name)]))
    }

    /// A value that must be a JSON document.
    fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, SettingsError> {
        serde_json::from_str(&self.required(name)?).map_err(|error| self.invalid(name, &error))
    }

    fn invalid(&self, name: &str, cause: &impl fmt::Display) -> SettingsError {
        SettingsError::Invalid { name: self.full(name), cause: cause.to_string() }
    }

    fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }
}

/// Why there are no settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The call failed.
    #[error("{0}")]
    Call(#[from] crate::failure::CallError),
    /// Parameters do not exist or are blank.
    #[error("failed to read settings: there is no parameter {}; create it with terraform apply or aws ssm put-parameter", .0.join(", "))]
    Missing(Vec<String>),
    /// A parameter's value cannot be used.
    #[error("failed to read settings: parameter {name} is not valid: {cause}; set it right with aws ssm put-parameter")]
    Invalid {
        /// The parameter.
        name: String,
        /// What is wrong with its value.
        cause: String,
    },
}
