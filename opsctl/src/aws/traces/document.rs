//! Segment documents, as far as a waterfall needs them.
//! <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html>

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// A segment, or a subsegment in it.
#[derive(Debug, Clone, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the document has them")]
pub(super) struct Document {
    pub(super) id: String,
    pub(super) name: String,
    /// Seconds since 1970.
    pub(super) start_time: f64,
    /// None while it runs.
    pub(super) end_time: Option<f64>,
    /// The segment or subsegment that it belongs below, when it does not stand in it.
    pub(super) parent_id: Option<String>,
    #[serde(default)]
    pub(super) error: bool,
    #[serde(default)]
    pub(super) fault: bool,
    #[serde(default)]
    pub(super) throttle: bool,
    /// X-Ray made it up from the caller's subsegment: it tells nothing that the subsegment does not.
    #[serde(default)]
    pub(super) inferred: bool,
    /// `AWS::Lambda::Function` …
    pub(super) origin: Option<String>,
    /// `aws` or `remote`, of a call.
    pub(super) namespace: Option<String>,
    #[serde(default)]
    pub(super) annotations: BTreeMap<String, Value>,
    #[serde(default)]
    pub(super) http: Http,
    #[serde(default)]
    pub(super) aws: BTreeMap<String, Value>,
    /// An object, or the id of the exception's origin.
    pub(super) cause: Option<Value>,
    #[serde(default)]
    pub(super) subsegments: Vec<Document>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Http {
    #[serde(default)]
    pub(super) response: Response,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Response {
    pub(super) status: Option<u16>,
}

impl Document {
    /// What was asked of a service, such as `UpdateItem`.
    pub(super) fn operation(&self) -> Option<&str> {
        self.aws.get("operation")?.as_str()
    }

    /// What went wrong, in the words of the first exception.
    pub(super) fn problem(&self) -> Option<String> {
        let exception = self.cause.as_ref()?.get("exceptions")?.get(0)?;
        let text = |field: &str| exception.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        match (text("type"), text("message")) {
            (Some(kind), Some(message)) => Some(format!("{kind}: {message}")),
            (one, other) => one.or(other).map(str::to_owned),
        }
    }
}
