//! The three stages' settings.

use std::time::Duration;

use market::business::Thresholds;
use market::sampling::Sampling;
use serde::Deserialize;

use super::rules::{ALERT_RULES, Rules};
use super::{Settings, SettingsError, Values};

const EVENTS_TABLE: &str = "events-table";
const AUDIT_TABLE: &str = "audit-table";
const BUS: &str = "event-bus-name";

/// The most rows that a window may have: about 150 bytes each, far below the megabyte that one page of a query holds.
const MAX_WINDOW: u16 = 500;

/// Settings of ingestion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestionSettings {
    /// The events table.
    pub events_table: String,
    /// The audit table.
    pub audit_table: String,
    /// The event bus.
    pub bus: String,
    /// The stage's dead letter queue.
    pub dlq_url: String,
    /// How far ahead of its receipt an event's time may be.
    pub max_future_skew: Duration,
    /// After how long a row may be removed; never if absent.
    pub retention: Option<Duration>,
    /// The events that everything is logged about.
    pub debug_sampling: Sampling,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
struct IngestionConfig {
    max_future_skew_seconds: u32,
    event_retention_days: Option<u32>,
    debug_sample_rate: f64,
}

impl Default for IngestionConfig {
    fn default() -> Self {
        Self { max_future_skew_seconds: 300, event_retention_days: None, debug_sample_rate: 0.0 }
    }
}

impl Settings for IngestionSettings {
    const NAMES: &'static [&'static str] = &[EVENTS_TABLE, AUDIT_TABLE, BUS, "ingestion/dlq-url", "ingestion/config"];

    fn parse(values: &Values, _: Option<&Self>) -> Result<Self, SettingsError> {
        let config: IngestionConfig = values.json("ingestion/config")?;
        let debug_sampling = Sampling::new(config.debug_sample_rate)
            .ok_or_else(|| values.invalid("ingestion/config", &"debug_sample_rate must be 0 (none) to 1 (all)"))?;
        Ok(Self {
            events_table: values.required(EVENTS_TABLE)?,
            audit_table: values.required(AUDIT_TABLE)?,
            bus: values.required(BUS)?,
            dlq_url: values.required("ingestion/dlq-url")?,
            max_future_skew: Duration::from_secs(config.max_future_skew_seconds.into()),
            retention: config.event_retention_days.map(|days| Duration::from_hours(u64::from(days) * 24)),
            debug_sampling,
        })
    }

    fn audit_table(&self) -> &str {
        &self.audit_table
    }

    fn dlq_url(&self) -> &str {
        &self.dlq_url
    }

    fn debug_sampling(&self) -> Sampling {
        self.debug_sampling
    }
}

/// Settings of processing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessingSettings {
    /// The events table.
    pub events_table: String,
    /// The audit table.
    pub audit_table: String,
    /// The event bus.
    pub bus: String,
    /// The stage's dead letter queue.
    pub dlq_url: String,
    /// How many earlier events of the symbol are looked at.
    pub window_size: u16,
    /// Limits of the business rules.
    pub thresholds: Thresholds,
    /// The alert rules.
    pub rules: Rules,
}

#[derive(Debug, Deserialize)]
struct ProcessingConfig {
    #[serde(default = "default_window_size")]
    window_size: u16,
}

fn default_window_size() -> u16 {
    50
}

impl Settings for ProcessingSettings {
    const NAMES: &'static [&'static str] =
        &[EVENTS_TABLE, AUDIT_TABLE, BUS, "processing/dlq-url", "processing/config", ALERT_RULES];

    fn parse(values: &Values, previous: Option<&Self>) -> Result<Self, SettingsError> {
        // One document, read twice: a flattened field would not do, since serde's buffer for those does not know
        // serde_json's exact numbers.
        let config: ProcessingConfig = values.json("processing/config")?;
        let thresholds: Thresholds = values.json("processing/config")?;
        if !(1..=MAX_WINDOW).contains(&config.window_size) {
            return Err(values.invalid("processing/config", &format!("window_size must be 1 to {MAX_WINDOW}")));
        }
        Ok(Self {
            events_table: values.required(EVENTS_TABLE)?,
            audit_table: values.required(AUDIT_TABLE)?,
            bus: values.required(BUS)?,
            dlq_url: values.required("processing/dlq-url")?,
            window_size: config.window_size,
            thresholds,
            rules: Rules::read(values, previous.map(|previous| &previous.rules))?,
        })
    }

    fn audit_table(&self) -> &str {
        &self.audit_table
    }

    fn dlq_url(&self) -> &str {
        &self.dlq_url
    }

    fn rules(&self) -> Option<&Rules> {
        Some(&self.rules)
    }
}

/// Settings of notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationSettings {
    /// The audit table, where the cool-downs are, too.
    pub audit_table: String,
    /// The topic that alerts are published to.
    pub topic_arn: String,
    /// The stage's dead letter queue.
    pub dlq_url: String,
    /// The alert rules.
    pub rules: Rules,
    /// Where the AWS console is, for links in the mail.
    pub console_url_base: Option<String>,
    /// What to do about an alert, for a link in the mail.
    pub runbook_url: Option<String>,
    /// Name of the events table, for a link in the mail; it is not read.
    pub events_table: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NotificationConfig {
    console_url_base: Option<String>,
    runbook_url: Option<String>,
    events_table: Option<String>,
}

impl Settings for NotificationSettings {
    const NAMES: &'static [&'static str] =
        &[AUDIT_TABLE, "alerts-topic-arn", "notification/dlq-url", "notification/config", ALERT_RULES];

    fn parse(values: &Values, previous: Option<&Self>) -> Result<Self, SettingsError> {
        let config: NotificationConfig = values.json("notification/config")?;
        let present = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        Ok(Self {
            audit_table: values.required(AUDIT_TABLE)?,
            topic_arn: values.required("alerts-topic-arn")?,
            dlq_url: values.required("notification/dlq-url")?,
            rules: Rules::read(values, previous.map(|previous| &previous.rules))?,
            console_url_base: present(config.console_url_base),
            runbook_url: present(config.runbook_url),
            events_table: present(config.events_table),
        })
    }

    fn audit_table(&self) -> &str {
        &self.audit_table
    }

    fn dlq_url(&self) -> &str {
        &self.dlq_url
    }

    fn rules(&self) -> Option<&Rules> {
        Some(&self.rules)
    }
}
