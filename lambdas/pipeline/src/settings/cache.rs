//! The cache of a function's settings.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ssm::operation::get_parameters::GetParametersOutput;
use jiff::Timestamp;
use market::rules::RulesDocument;
use tokio::sync::Mutex;

use super::rules::{ALERT_RULES, Rules};
use super::{Settings, SettingsError, Values};
use crate::clock::{SharedClock, later};
use crate::failure::{CallError, Effect};

/// The longest that settings are used without looking again.
pub const MAX_AGE: Duration = Duration::from_mins(1);
/// Up to so much less than [`MAX_AGE`], so that environments which started together do not ask together.
const JITTER: Duration = Duration::from_secs(10);
/// How long stale settings are used until the next try.
pub const RETRY_AFTER: Duration = Duration::from_secs(10);
/// How many earlier versions of the alert rules are looked at for one that is valid.
pub const MAX_EARLIER_VERSIONS: usize = 5;

struct Cached<S> {
    settings: Arc<S>,
    good_until: Timestamp,
}

/// Reads settings and keeps them.
///
/// When they cannot be read again, the last good ones stay in use, and every failed try is logged as an error.
pub struct SettingsCache<S> {
    ssm: aws_sdk_ssm::Client,
    prefix: String,
    clock: SharedClock,
    cached: Mutex<Option<Cached<S>>>,
}

impl<S: Settings> SettingsCache<S> {
    /// An empty cache for the parameters below `prefix` (`/market-data/dev`).
    pub fn new(config: &SdkConfig, prefix: &str, clock: SharedClock) -> Self {
        let prefix = prefix.trim_end_matches('/').to_owned();
        Self { ssm: crate::aws::ssm(config), prefix, clock, cached: Mutex::new(None) }
    }

    /// The settings: from the cache, or read now.
    pub async fn get(&self) -> Result<Arc<S>, SettingsError> {
        let mut cached = self.cached.lock().await;
        let now = self.clock.now();
        if let Some(fresh) = cached.as_ref().filter(|cached| now < cached.good_until) {
            return Ok(Arc::clone(&fresh.settings));
        }
        let previous = cached.as_ref().map(|cached| cached.settings.as_ref());
        let read = self.read(previous).await.and_then(|values| S::parse(&values, previous));
        match (read, cached.as_mut()) {
            (Ok(settings), _) => {
                let settings = Arc::new(settings);
                let good_until = later(now, MAX_AGE.saturating_sub(jitter(now)));
                *cached = Some(Cached { settings: Arc::clone(&settings), good_until });
                Ok(settings)
            }
            (Err(error), Some(stale)) => {
                tracing::error!(%error, "failed to refresh the settings; the last good ones stay in use");
                stale.good_until = later(now, RETRY_AFTER);
                Ok(Arc::clone(&stale.settings))
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn read(&self, previous: Option<&S>) -> Result<Values, SettingsError> {
        let names = S::NAMES.iter().map(|name| format!("{}/{name}", self.prefix)).collect();
        let answer = self.parameters(names).await?;
        let missing = answer.invalid_parameters();
        if !missing.is_empty() {
            return Err(SettingsError::Missing(missing.to_vec()));
        }
        let of_ours = |name: Option<&str>| Some(name?.strip_prefix(&self.prefix)?.strip_prefix('/')?.to_owned());
        let parameters = answer.parameters().iter();
        let pairs =
            parameters.filter_map(|parameter| Some((of_ours(parameter.name())?, parameter.value()?.to_owned())));
        let mut values = Values::new(&self.prefix, pairs);
        if S::NAMES.contains(&ALERT_RULES) && Rules::are_missing(&values, previous.and_then(S::rules)) {
            let rules = answer.parameters().iter().find(|found| of_ours(found.name()).as_deref() == Some(ALERT_RULES));
            values.earlier_rules = self.earlier_rules(rules.map_or(0, |rules| rules.version)).await?;
        }
        Ok(values)
    }

    /// The last valid version of the alert rules before `current`. That this needs no other permission than reading the
    /// settings is why they are asked for one by one, and not for their history.
    ///
    /// It is an error if there may be one and it could not be read: to go on without rules would lose alerts.
    async fn earlier_rules(&self, current: i64) -> Result<Option<(i64, RulesDocument)>, CallError> {
        for version in (1..current).rev().take(MAX_EARLIER_VERSIONS) {
            let answer = match self.parameters(vec![format!("{}/{ALERT_RULES}:{version}", self.prefix)]).await {
                Err(error) if error.effect() == Effect::None => {
                    tracing::error!(%error, version, "failed to read an earlier version of the alert rules");
                    return Ok(None);
                }
                answer => answer?,
            };
            let value = answer.parameters().first().and_then(|parameter| parameter.value());
            if let Some(Ok(document)) = value.map(RulesDocument::parse) {
                return Ok(Some((version, document)));
            }
        }
        Ok(None)
    }

    async fn parameters(&self, names: Vec<String>) -> Result<GetParametersOutput, CallError> {
        let answer = self.ssm.get_parameters().set_names(Some(names)).send().await;
        answer.map_err(|error| CallError::new(format!("read the parameters below {}", self.prefix), &error))
    }
}

/// Between nothing and [`JITTER`], scattered by the microsecond at which an environment happens to ask.
fn jitter(now: Timestamp) -> Duration {
    let scattered = now.as_microsecond().unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    JITTER * u32::try_from(scattered % 1000).unwrap_or(0) / 1000
}
