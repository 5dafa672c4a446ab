//! The envelope in which `EventBridge` delivers an event, and the names on the bus.

use jiff::Timestamp;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use crate::{
    event::Fields,
    fault::{Fault, FaultCode, Rejection, RejectionCode, quote, type_name},
    time,
};

/// Detail type of events from feeds.
pub const DETAIL_TYPE_RAW: &str = "MarketData.Raw";
/// Detail type of what ingestion publishes.
pub const DETAIL_TYPE_VALIDATED: &str = "MarketData.Validated";
/// Detail type of what processing publishes.
pub const DETAIL_TYPE_ALERT: &str = "MarketData.Alert";
/// Sources of feeds start so; `marketdata.feed.binance`.
pub const SOURCE_FEED_PREFIX: &str = "marketdata.feed";
/// Source of ingestion's events.
pub const SOURCE_INGESTION: &str = "marketdata.ingestion";
/// Source of processing's events.
pub const SOURCE_PROCESSING: &str = "marketdata.processing";

/// An event as `EventBridge` hands it to a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Id that the bus gave the event; stays the same over Lambda's retries.
    pub id: String,
    /// What kind of event, such as [`DETAIL_TYPE_RAW`].
    pub detail_type: String,
    /// Who published it.
    pub source: String,
    /// Account of the bus; empty when absent.
    pub account: String,
    /// When it was published; `EventBridge` gives whole seconds.
    pub time: Timestamp,
    /// Region of the bus; empty when absent.
    pub region: String,
    /// ARNs that it is about.
    pub resources: Vec<String>,
    /// The event itself: always an object.
    pub detail: Value,
    /// Name of the archive replay that delivered it again.
    pub replay_name: Option<String>,
}

impl Envelope {
    /// Reads an envelope from bytes. Anything else is a [`RejectionCode::Malformed`] with every fault; never a panic.
    pub fn parse(bytes: &[u8]) -> Result<Self, Rejection> {
        let value = serde_json::from_slice(bytes).map_err(|error| {
            Rejection::single(RejectionCode::Malformed, "", FaultCode::NotJson, format!("is not JSON: {error}"))
        })?;
        Self::from_value(value)
    }

    /// Reads an envelope from JSON. `id`, `detail-type`, `source`, `time` and an object in `detail` are required.
    pub fn from_value(value: Value) -> Result<Self, Rejection> {
        let Value::Object(mut object) = value else {
            let message = format!("must be an EventBridge event, not {}", type_name(&value));
            return Err(Rejection::single(RejectionCode::Malformed, "", FaultCode::WrongType, message));
        };
        let detail = object.remove("detail").unwrap_or(Value::Null);
        let mut fields = Fields::new(&object);
        let mut required = |field: &str| {
            let text = fields.required_text(field)?;
            if text.is_empty() {
                fields.fault(field, FaultCode::BadFormat, "must not be empty");
            }
            Some(text.to_owned())
        };
        let (id, detail_type, source) = (required("id"), required("detail-type"), required("source"));
        let time = fields.required_text("time").and_then(|text| {
            let time = time::parse(text);
            if let Err(error) = time {
                fields.fault("time", FaultCode::BadFormat, format!("{error}, not {}", quote(text)));
            }
            time.ok()
        });
        let mut optional = |field: &str| fields.text(field).unwrap_or_default().to_owned();
        let (account, region) = (optional("account"), optional("region"));
        let replay_name = fields.text("replay-name").filter(|name| !name.is_empty()).map(str::to_owned);
        let resources = match fields.get("resources") {
            None => Vec::new(),
            Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
                items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(_) => {
                fields.fault("resources", FaultCode::WrongType, "must be a list of texts");
                Vec::new()
            }
        };
        if !detail.is_object() {
            let fault = match &detail {
                Value::Null => Fault::new("detail", FaultCode::Missing, "is missing"),
                other => {
                    Fault::new("detail", FaultCode::WrongType, format!("must be an object, not {}", type_name(other)))
                }
            };
            fields.faults.push(fault);
        }
        match (id, detail_type, source, time) {
            (Some(id), Some(detail_type), Some(source), Some(time)) if fields.faults.is_empty() => {
                Ok(Self { id, detail_type, source, account, time, region, resources, detail, replay_name })
            }
            _ => Err(Rejection::new(RejectionCode::Malformed, fields.faults)),
        }
    }
}

/// As `EventBridge` writes it. Its `time` has whole seconds there and six digits here.
impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("version", "0")?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("detail-type", &self.detail_type)?;
        map.serialize_entry("source", &self.source)?;
        map.serialize_entry("account", &self.account)?;
        map.serialize_entry("time", &time::format(self.time))?;
        map.serialize_entry("region", &self.region)?;
        map.serialize_entry("resources", &self.resources)?;
        if let Some(name) = &self.replay_name {
            map.serialize_entry("replay-name", name)?;
        }
        map.serialize_entry("detail", &self.detail)?;
        map.end()
    }
}
