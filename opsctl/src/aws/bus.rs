//! The event bus.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use jiff::Timestamp;

use super::time::{from_sdk, to_sdk};
use super::{AwsError, Doing};

/// `PutEvents` takes at most so many entries.
pub const ENTRIES_PER_CALL: usize = 10;

/// An event to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Who publishes, `marketdata.feed.opsctl`.
    pub source: String,
    /// `MarketData.Raw`.
    pub detail_type: String,
    /// The event as JSON.
    pub detail: String,
    /// When it happened; `EventBridge` keeps whole seconds of it.
    pub time: Timestamp,
    /// X-Ray trace to continue.
    pub trace_header: Option<String>,
}

/// What became of an entry: the id that the bus gave it, or why it did not take it.
pub type EntryResult = Result<String, EntryError>;

/// Why the bus did not take an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryError {
    /// AWS's code: `ThrottlingException`, `InternalFailure`, `MalformedDetail` …
    pub code: String,
    /// AWS's words.
    pub message: String,
}

impl EntryError {
    /// True when sending the same again may work.
    pub fn is_transient(&self) -> bool {
        ["Throttl", "Internal", "ServiceUnavailable", "LimitExceeded"].iter().any(|known| self.code.contains(known))
    }
}

/// Checks that the bus exists. `PutEvents` to a bus that does not exist succeeds, and the events are gone. Returns what
/// AWS's clock said, in whole seconds, when the answer tells.
pub async fn check(client: &Client, bus: &str) -> Result<Option<Timestamp>, AwsError> {
    let date = DateHeader::default();
    let request = client.describe_event_bus().name(bus).customize().interceptor(date.clone());
    request.send().await.doing(|| format!("find event bus {bus}"))?;
    Ok(date.get())
}

/// Remembers the Date header of the last answer.
#[derive(Debug, Clone, Default)]
struct DateHeader(Arc<Mutex<Option<Timestamp>>>);

impl DateHeader {
    fn get(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[dyn_dispatch_hint]
impl Intercept for DateHeader {
    fn name(&self) -> &'static str {
        "DateHeader"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|text| DateTime::from_str(text, Format::HttpDate).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date.as_ref().and_then(from_sdk);
        Ok(())
    }
}

/// Publishes up to [`ENTRIES_PER_CALL`] entries in one call. One result an entry, in order.
pub async fn put(client: &Client, bus: &str, entries: &[Entry]) -> Result<Vec<EntryResult>, AwsError> {
    let doing = || format!("publish {} events to bus {bus}", entries.len());
    let request = entries.iter().map(|entry| {
        PutEventsRequestEntry::builder()
            .event_bus_name(bus)
            .source(&entry.source)
            .detail_type(&entry.detail_type)
            .detail(&entry.detail)
            .time(to_sdk(entry.time))
            .set_trace_header(entry.trace_header.clone())
            .build()
    });
    let answer = client.put_events().set_entries(Some(request.collect())).send().await.doing(doing)?;
    if answer.entries().len() != entries.len() {
        let reason = format!("the answer has {} results for {} entries", answer.entries().len(), entries.len());
        return Err(AwsError::unusable(doing(), reason));
    }
    Ok(answer
        .entries()
        .iter()
        .map(|entry| match (entry.event_id(), entry.error_code()) {
            (Some(id), None) => Ok(id.to_owned()),
            (_, code) => Err(EntryError {
                code: code.unwrap_or("unknown").to_owned(),
                message: entry.error_message().unwrap_or_default().to_owned(),
            }),
        })
        .collect())
}
