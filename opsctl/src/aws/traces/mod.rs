//! X-Ray's traces: which there are, and what happened in one, as a waterfall.

mod document;
mod list;
mod waterfall;

pub use list::{TraceQuery, TraceSummary, list};
pub use waterfall::{Span, SpanStatus, Waterfall, is_trace_id, read};
