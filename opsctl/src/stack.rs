//! The deployed stack, as its Terraform outputs describe it. The only place that knows the outputs' names.
//!
//! Everything stands in one output object, `opsctl`. How it is read is in [`crate::terraform`].

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the `opsctl` output that this program understands.
pub const SCHEMA_VERSION: u64 = 1;

/// The output that holds everything.
const OUTPUT: &str = "opsctl";

/// A stage of the pipeline, in the order in which events pass them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum StageName {
    /// Validates and stores
    Ingestion,
    /// Enriches with indicators
    Processing,
    /// Evaluates the alert rules and sends mail
    Notification,
}

impl StageName {
    /// All stages, in the order in which events pass them.
    pub const ALL: [Self; 3] = [Self::Ingestion, Self::Processing, Self::Notification];

    /// The name as it is written in resource names and audit rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingestion => "ingestion",
            Self::Processing => "processing",
            Self::Notification => "notification",
        }
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The deployed stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// Always [`SCHEMA_VERSION`].
    pub schema_version: u64,
    /// The project that owns it.
    pub project: String,
    /// `dev`, `prod`, `local` …
    pub environment: String,
    /// AWS region.
    pub region: String,
    /// AWS account.
    pub account_id: String,
    /// The custom event bus.
    pub event_bus: Resource,
    /// Its archive.
    pub archive: Resource,
    /// The two tables.
    pub tables: Tables,
    /// The topic that alert mail goes out by.
    pub alerts_topic_arn: String,
    /// Prefix of the parameters, `/market-data/dev`.
    pub parameter_prefix: String,
    /// The three stages.
    pub stages: Stages,
    /// Every alarm of the stack.
    pub alarms: Vec<AlarmName>,
    /// Namespace of the pipeline's own metrics.
    pub metrics_namespace: String,
}

/// A resource that has a name and an ARN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

/// The two tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tables {
    /// The events.
    pub events: EventsTable,
    /// One row a stage attempt.
    pub audit: Resource,
}

/// The events table and its indexes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventsTable {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Index by event type and time; every attribute.
    pub event_type_index: String,
    /// Index by symbol and time.
    pub symbol_index: String,
}

/// The three stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stages {
    /// Validates and stores.
    pub ingestion: Stage,
    /// Enriches with indicators.
    pub processing: Stage,
    /// Evaluates the alert rules and sends mail.
    pub notification: Stage,
}

impl Stages {
    /// One stage.
    pub fn get(&self, name: StageName) -> &Stage {
        match name {
            StageName::Ingestion => &self.ingestion,
            StageName::Processing => &self.processing,
            StageName::Notification => &self.notification,
        }
    }

    /// All stages, in the order in which events pass them.
    pub fn iter(&self) -> impl Iterator<Item = (StageName, &Stage)> {
        StageName::ALL.into_iter().map(|name| (name, self.get(name)))
    }
}

/// A stage: its function, its rule, its dead letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The Lambda function.
    pub function_name: String,
    /// Its ARN.
    pub function_arn: String,
    /// The role that it runs with.
    pub role_name: String,
    /// The queue that takes what it could not do.
    pub dlq_name: String,
    /// Its URL.
    pub dlq_url: String,
    /// Its ARN.
    pub dlq_arn: String,
    /// The rule that feeds it.
    pub rule_name: String,
    /// Its ARN.
    pub rule_arn: String,
    /// Its log group.
    pub log_group: String,
    /// Reserved concurrency as deployed; -1 means none is reserved.
    pub reserved_concurrency: i64,
    /// The detail-type that the rule matches.
    pub detail_type: String,
}

/// An alarm that the stack is supposed to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmName {
    /// Its name.
    pub name: String,
    /// The stage that it watches, when it watches one.
    pub stage: Option<StageName>,
    /// What it watches: `errors`, `throttles` …
    pub kind: String,
}

/// Why outputs are not a stack.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// Not JSON.
    #[error("{origin} is not JSON")]
    NotJson {
        /// Where the text came from.
        origin: String,
        /// Where the JSON breaks.
        source: serde_json::Error,
    },
    /// No outputs at all: nothing was applied.
    #[error("{origin} has no outputs: nothing is deployed from there")]
    Empty {
        /// Where the text came from.
        origin: String,
    },
    /// The output is not there.
    #[error("{origin} has no output `{OUTPUT}`")]
    NoOutput {
        /// Where the text came from.
        origin: String,
    },
    /// The output is for another version of this program.
    #[error("output `{OUTPUT}` of {origin} has schema_version {found}, this opsctl understands {SCHEMA_VERSION}")]
    Version {
        /// Where the text came from.
        origin: String,
        /// Its version.
        found: String,
    },
    /// A value in it is missing or of the wrong kind.
    #[error("output `{path}` of {origin} cannot be used: {reason}")]
    Value {
        /// Where the text came from.
        origin: String,
        /// The value, from the output's name on.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StackError {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "give the text that `terraform -chdir=lib output -json` prints",
            Self::Empty { .. } => {
                "deploy with `make deploy` (or `terraform -chdir=lib apply`), point --stack-dir elsewhere, or use --local"
            }
            Self::NoOutput { .. } | Self::Value { .. } => {
                "the stack was applied from another version of lib/: run `terraform -chdir=lib apply`, \
                 then `terraform -chdir=lib output -json` has it"
            }
            Self::Version { .. } => "build opsctl from the commit that lib/ was applied from",
        }
    }
}

impl Stack {
    /// Reads what `terraform output -json` prints (an object of outputs), or the bare value of the output `opsctl`.
    /// `origin` names the text in errors.
    pub fn from_outputs(text: &str, origin: &str) -> Result<Self, StackError> {
        let origin = origin.to_owned();
        let outputs: Value =
            serde_json::from_str(text).map_err(|source| StackError::NotJson { origin: origin.clone(), source })?;
        if outputs.as_object().is_some_and(serde_json::Map::is_empty) {
            return Err(StackError::Empty { origin });
        }
        let value = if outputs.get("schema_version").is_some() {
            &outputs
        } else {
            match outputs.get(OUTPUT).and_then(|output| output.get("value")) {
                Some(value) => value,
                None => return Err(StackError::NoOutput { origin }),
            }
        };
        match value.get("schema_version") {
            Some(version) if version.as_u64() == Some(SCHEMA_VERSION) => {}
            Some(version) => return Err(StackError::Version { origin, found: version.to_string() }),
            None => {
                let path = format!("{OUTPUT}.schema_version");
                return Err(StackError::Value { origin, path, reason: "it is missing".to_owned() });
            }
        }
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = match error.path().to_string() {
                root if root == "." => OUTPUT.to_owned(),
                path => format!("{OUTPUT}.{path}"),
            };
            StackError::Value { origin, path, reason: error.into_inner().to_string() }
        })
    }

    /// The parameter that the alert rules stand in.
    pub fn rules_parameter(&self) -> String {
        format!("{}/alert-rules", self.parameter_prefix)
    }

    /// True for the environments in which a mistake costs: changes there want the environment's name typed.
    pub fn is_production(&self) -> bool {
        matches!(self.environment.as_str(), "prod" | "production" | "live")
    }
}

/// A stack for tests: what Terraform printed of one.
#[cfg(test)]
pub(crate) mod samples {
    use super::Stack;

    pub(crate) const OUTPUTS: &str = include_str!("../tests/outputs/dev.json");

    pub(crate) fn stack() -> Stack {
        Stack::from_outputs(OUTPUTS, "the sample").unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value() -> Value {
        let outputs: Value = serde_json::from_str(samples::OUTPUTS).unwrap();
        outputs["opsctl"]["value"].clone()
    }

    fn error(value: &Value) -> StackError {
        Stack::from_outputs(&value.to_string(), "outputs.json").unwrap_err()
    }

    #[test]
    fn what_terraform_prints_is_a_stack() {
        let stack = samples::stack();
        assert_eq!((stack.environment.as_str(), stack.event_bus.name.as_str()), ("dev", "eventbridge-market-data-dev"));
        assert_eq!(stack.stages.get(StageName::Processing).function_name, "lambda-processing-dev");
        assert!(stack.alarms.iter().any(|alarm| alarm.stage == Some(StageName::Notification)));
        assert!(!stack.is_production());
    }

    #[test]
    fn the_bare_output_is_a_stack_too() {
        assert_eq!(Stack::from_outputs(&value().to_string(), "stdin").unwrap(), samples::stack());
    }

    #[test]
    fn a_missing_value_names_itself_and_how_to_get_it() {
        let mut value = value();
        value["stages"]["ingestion"].as_object_mut().unwrap().remove("dlq_url");
        let error = error(&value);
        assert_eq!(
            error.to_string(),
            "output `opsctl.stages.ingestion` of outputs.json cannot be used: missing field `dlq_url`"
        );
        assert!(error.help().contains("terraform -chdir=lib output -json"));
    }

    #[test]
    fn a_value_of_the_wrong_kind_names_its_path() {
        let mut value = value();
        value["tables"]["events"]["name"] = 7.into();
        assert!(error(&value).to_string().starts_with("output `opsctl.tables.events.name` of outputs.json"));
        value = self::value();
        value["alarms"][0]["stage"] = "accounting".into();
        assert!(error(&value).to_string().starts_with("output `opsctl.alarms[0].stage`"));
    }

    #[test]
    fn another_schema_is_refused_before_its_values_are_read() {
        let error = error(&serde_json::json!({"opsctl": {"value": {"schema_version": 2}}}));
        assert!(error.to_string().contains("schema_version 2"), "{error}");
    }

    #[test]
    fn outputs_of_nothing_or_of_something_else_say_so() {
        let of = |text: &str| Stack::from_outputs(text, "outputs.json").unwrap_err();
        assert!(matches!(of("{}"), StackError::Empty { .. }));
        assert!(matches!(of(r#"{"vpc_id": {"value": "vpc-1"}}"#), StackError::NoOutput { .. }));
        assert!(matches!(of("Error: no outputs"), StackError::NotJson { .. }));
    }
}
