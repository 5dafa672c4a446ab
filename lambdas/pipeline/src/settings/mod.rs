//! Settings from SSM: one `GetParameters` call for exactly the function's own names, cached.

mod cache;
mod rules;
mod stages;

use std::collections::BTreeMap;
use std::fmt;

use market::rules::RulesDocument;
use market::sampling::Sampling;

pub use cache::{MAX_AGE, MAX_EARLIER_VERSIONS, RETRY_AFTER, SettingsCache};
pub use rules::{InUse, Rules};
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

    /// The alert rules, if the stage has any use for them.
    fn rules(&self) -> Option<&Rules> {
        None
    }

    /// The events that the stage begins to log everything about; later stages follow.
    fn debug_sampling(&self) -> Sampling {
        Sampling::default()
    }
}

/// Values of parameters by their name below the prefix.
#[derive(Debug, Clone, Default)]
pub struct Values {
    prefix: String,
    by_name: BTreeMap<String, String>,
    /// The last good version of the alert rules before the current one; only if that had to be looked for.
    earlier_rules: Option<(i64, RulesDocument)>,
}

impl Values {
    /// Values by name below `prefix`.
    pub fn new(prefix: &str, values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { prefix: prefix.to_owned(), by_name: values.into_iter().collect(), earlier_rules: None }
    }

    /// A value that must be there and not blank.
    fn required(&self, name: &str) -> Result<String, SettingsError> {
        let value = self.by_name.get(name).map(|value| value.trim()).filter(|value| !value.is_empty());
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
