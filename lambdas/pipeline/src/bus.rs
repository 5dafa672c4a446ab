//! Publishing to the event bus.

use std::collections::VecDeque;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use serde::Serialize;

use crate::aws::{INITIAL_BACKOFF, OPERATION_TIMEOUT};
use crate::clock::{Deadline, SharedClock};
use crate::failure::CallError;

/// Entries that `PutEvents` takes in one call.
const MAX_ENTRIES: usize = 10;
/// Bytes that one call takes. The limit was raised in 2026, whether for an entry or for a call is not clear; the old one
/// for a call holds in both readings.
const MAX_BYTES: usize = 256 * 1024;
/// What `EventBridge` counts for an entry's time.
const TIME_BYTES: usize = 14;
/// How often an entry that failed is sent again.
const MAX_RESENDS: u32 = 4;

/// An event to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Who publishes.
    pub source: &'static str,
    /// What kind of event.
    pub detail_type: &'static str,
    /// The event, as JSON.
    pub detail: String,
    /// The X-Ray header, so that the trace goes on in the next function.
    pub trace_header: Option<String>,
}

impl Entry {
    /// An event whose detail is the JSON of `detail`.
    pub fn new(
        source: &'static str,
        detail_type: &'static str,
        detail: &impl Serialize,
        trace_header: Option<&str>,
    ) -> Result<Self, CallError> {
        let detail = serde_json::to_string(detail)
            .map_err(|error| CallError::answered(format!("write a {detail_type} event as JSON"), error.to_string()))?;
        Ok(Self { source, detail_type, detail, trace_header: trace_header.map(str::to_owned) })
    }

    /// The size by `EventBridge`'s rule.
    fn bytes(&self) -> usize {
        TIME_BYTES + self.source.len() + self.detail_type.len() + self.detail.len()
    }

    fn request(&self, bus: &str) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(bus)
            .source(self.source)
            .detail_type(self.detail_type)
            .detail(&self.detail)
            .set_trace_header(self.trace_header.clone())
            .build()
    }
}

/// Publishes to a bus.
#[derive(Clone)]
pub struct Bus {
    eventbridge: aws_sdk_eventbridge::Client,
    clock: SharedClock,
}

impl Bus {
    /// A publisher with a client of its own.
    pub fn new(config: &SdkConfig, clock: SharedClock) -> Self {
        Self { eventbridge: crate::aws::eventbridge(config), clock }
    }

    /// Publishes the entries and returns the ids the bus gave them, in their order.
    ///
    /// They go out in calls of at most ten. The bus takes some entries of a call and refuses others; only those refused for
    /// a passing reason are sent again, with back-off, and never later than `deadline` allows. If any entry stays refused
    /// the whole is an error, and a repeat by the caller publishes all of them again: consumers absorb doubles.
    pub async fn publish(&self, bus: &str, entries: &[Entry], deadline: Deadline) -> Result<Vec<String>, CallError> {
        let mut ids = vec![String::new(); entries.len()];
        let mut waiting: VecDeque<usize> = (0..entries.len()).collect();
        let mut resends = 0;
        while !waiting.is_empty() {
            let mut refused = VecDeque::new();
            let mut last = String::new();
            while !waiting.is_empty() {
                let chunk = next_chunk(&mut waiting, entries);
                for (index, result) in chunk.iter().zip(self.put(bus, entries, &chunk).await?) {
                    match refusal(&result) {
                        None => ids[*index] = result.event_id.unwrap_or_default(),
                        Some(Refusal { passing: true, cause }) => {
                            refused.push_back(*index);
                            last = cause;
                        }
                        Some(Refusal { passing: false, cause }) => return Err(failed(bus, 1, entries.len(), &cause)),
                    }
                }
            }
            let pause = self.pause(resends);
            let in_time = deadline.remaining(self.clock.now()) > pause + OPERATION_TIMEOUT;
            if !refused.is_empty() && (resends == MAX_RESENDS || !in_time) {
                let cause = if in_time { last } else { format!("{last}; no time is left to send again") };
                return Err(failed(bus, refused.len(), entries.len(), &cause));
            }
            if !refused.is_empty() {
                tracing::warn!(bus, refused = refused.len(), cause = last, "sending again what the bus refused");
                self.clock.sleep(pause).await;
                resends += 1;
            }
            waiting = refused;
        }
        Ok(ids)
    }

    async fn put(&self, bus: &str, entries: &[Entry], chunk: &[usize]) -> Result<Vec<PutEventsResultEntry>, CallError> {
        let requests = chunk.iter().map(|index| entries[*index].request(bus)).collect();
        let answer = self.eventbridge.put_events().set_entries(Some(requests)).send().await;
        let answer = answer.map_err(|error| CallError::new(format!("publish to {bus}"), &error))?;
        let results = answer.entries.unwrap_or_default();
        if results.len() == chunk.len() {
            return Ok(results);
        }
        let cause = format!("{} entries were sent, {} answered", chunk.len(), results.len());
        Err(CallError::answered(format!("publish to {bus}"), cause))
    }

    /// Doubles with each round, with up to half as much again so that environments do not send in step.
    fn pause(&self, resends: u32) -> Duration {
        let base = INITIAL_BACKOFF * 2_u32.pow(resends);
        let jitter = self.clock.now().subsec_microsecond().unsigned_abs() % 500;
        base + base * jitter / 1000
    }
}

/// Takes as many entries as fit into a call: one at least, so that one which is too large is refused by the service.
fn next_chunk(waiting: &mut VecDeque<usize>, entries: &[Entry]) -> Vec<usize> {
    let mut chunk = Vec::new();
    let mut bytes = 0;
    while let Some(index) = waiting.front() {
        bytes += entries[*index].bytes();
        if !chunk.is_empty() && (bytes > MAX_BYTES || chunk.len() == MAX_ENTRIES) {
            break;
        }
        chunk.extend(waiting.pop_front());
    }
    chunk
}

struct Refusal {
    passing: bool,
    cause: String,
}

fn refusal(result: &PutEventsResultEntry) -> Option<Refusal> {
    let code = result.error_code()?;
    let passing = code.contains("Throttl") || code.starts_with("Internal") || code.contains("Unavailable");
    Some(Refusal { passing, cause: format!("{code}: {}", result.error_message().unwrap_or("no message")) })
}

fn failed(bus: &str, refused: usize, of: usize, cause: &str) -> CallError {
    CallError::answered(format!("publish {refused} of {of} events to {bus}"), cause)
}
