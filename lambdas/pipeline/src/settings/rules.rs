//! The alert rules among the settings, and what stands in for them while the parameter's value cannot be used.

use market::rules::RulesDocument;

use super::{SettingsError, Values};

/// The parameter.
pub(super) const ALERT_RULES: &str = "alert-rules";

/// Which rules document is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InUse {
    /// The parameter's current value.
    Current,
    /// The last good one that this environment had: the current value is not valid.
    Kept,
    /// An earlier version of the parameter: the current one is not valid, and this environment has had none that is.
    Earlier(i64),
    /// None at all: no version that was looked at is valid.
    None,
}

/// The alert rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The rules.
    pub document: RulesDocument,
    /// Which they are.
    pub in_use: InUse,
}

impl Rules {
    /// The rules in `values`. A bad document never stops the stage: the last good one stays in use, or when a function
    /// starts with a bad one, the parameter's last good version is. It is an error in the log at every refresh until the
    /// document is right.
    pub(super) fn read(values: &Values, previous: Option<&Self>) -> Result<Self, SettingsError> {
        let invalid = match RulesDocument::parse(&values.required(ALERT_RULES)?) {
            Ok(document) => return Ok(Self { document, in_use: InUse::Current }),
            Err(invalid) => invalid,
        };
        let faults: Vec<String> = invalid.faults.iter().map(ToString::to_string).collect();
        let (faults, parameter) = (faults.join("; "), values.full(ALERT_RULES));
        let kept = previous.filter(|previous| previous.in_use != InUse::None);
        Ok(if let Some(kept) = kept {
            tracing::error!(parameter, faults, "the alert rules are not valid; the last good ones stay in use");
            Self { document: kept.document.clone(), in_use: InUse::Kept }
        } else if let Some((version, document)) = &values.earlier_rules {
            tracing::error!(parameter, faults, version, "the alert rules are not valid; an earlier version is in use");
            Self { document: document.clone(), in_use: InUse::Earlier(*version) }
        } else {
            let message = "the alert rules are not valid and no earlier version is: NO ALERT RULE IS IN USE";
            tracing::error!(parameter, faults, message);
            Self { document: RulesDocument::default(), in_use: InUse::None }
        })
    }

    /// Whether earlier versions have to be looked at: the current one cannot be used, and there is no other.
    pub(super) fn are_missing(values: &Values, previous: Option<&Self>) -> bool {
        let kept = previous.is_some_and(|previous| previous.in_use != InUse::None);
        !kept && values.required(ALERT_RULES).is_ok_and(|text| RulesDocument::parse(&text).is_err())
    }
}
