//! One flat JSON object a line, as `CloudWatch`'s queries and Lambda's log levels want it: `timestamp`, `level`,
//! `message`, the fields of the spans around the line (`request_id`, `xray_trace_id`, `correlation_id`, `event_id`,
//! `symbol`, `stage`), then the line's own.

use std::fmt;
use std::io::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// What is logged: everything of ours from `level` on, of libraries only what is wrong, unless `level` asks for more.
pub(crate) fn filter(level: LevelFilter) -> Targets {
    let libraries = if level >= LevelFilter::DEBUG { level } else { level.min(LevelFilter::WARN) };
    // hyper and its like say at TRACE and DEBUG what nobody reads.
    let libraries = libraries.min(LevelFilter::DEBUG);
    ["pipeline", "market", "ingestion_handler", "processing_handler", "notification_handler"]
        .into_iter()
        .fold(Targets::new().with_default(libraries), |targets, ours| targets.with_target(ours, level))
}

/// The layer that writes the lines.
pub(crate) struct JsonLines<W> {
    writer: W,
}

impl<W> JsonLines<W> {
    pub(crate) fn new(writer: W) -> Self {
        Self { writer }
    }
}

/// A span's fields, kept with the span.
struct SpanFields(Map<String, Value>);

/// Collects fields. Those with a dot (`otel.name`, `annotation.symbol`, `faas.trigger`) are for traces, not for people.
struct Collector<'a>(&'a mut Map<String, Value>);

impl Collector<'_> {
    fn set(&mut self, field: &Field, value: Value) {
        if !field.name().contains('.') {
            self.0.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Collector<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, Value::from(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, Value::from(value));
    }
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Map::new();
        attributes.record(&mut Collector(&mut fields));
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(SpanFields(fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(SpanFields(fields)) = span.extensions_mut().get_mut()
        {
            values.record(&mut Collector(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut own = Map::new();
        event.record(&mut Collector(&mut own));
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), Value::from(market::time::format(Timestamp::now())));
        line.insert("level".to_owned(), Value::from(event.metadata().level().as_str()));
        line.insert("message".to_owned(), own.remove("message").unwrap_or_default());
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(SpanFields(fields)) = span.extensions().get() {
                // The innermost span comes first and wins.
                for (name, value) in fields {
                    line.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        line.extend(own);
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        // One write a line: lines of the runtime and of metrics share the stream. Nothing is left to do if it fails.
        let _ = self.writer.make_writer().write_all(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tracing::field::Empty;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::telemetry::testing::Buffer;

    fn lines(level: LevelFilter, log: impl FnOnce()) -> Vec<Value> {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let layer = JsonLines::new(move || writer.clone()).with_filter(filter(level));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        buffer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_carries_the_fields_of_its_spans_but_not_the_annotations() {
        let lines = lines(LevelFilter::INFO, || {
            let span = tracing::info_span!("stage", request_id = "r-1", symbol = Empty, "annotation.symbol" = "X");
            span.record("symbol", "BTCUSDT");
            span.in_scope(|| tracing::info!(count = 3, ok = true, "stored"));
        });
        let mut line = lines.into_iter().next().unwrap();
        let timestamp = line.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert_eq!(timestamp.as_str().unwrap().len(), market::time::TEXT_LENGTH);
        let expected = json!({
            "level": "INFO", "message": "stored", "request_id": "r-1", "symbol": "BTCUSDT", "count": 3, "ok": true
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn libraries_are_heard_only_when_something_is_wrong() {
        let messages = |level| {
            lines(level, || {
                tracing::info!(target: "aws_runtime", "chatter");
                tracing::warn!(target: "aws_runtime", "trouble");
                tracing::info!(target: "pipeline::host", "done");
            })
            .into_iter()
            .map(|line| line["message"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
        };
        assert_eq!(messages(LevelFilter::INFO), ["trouble", "done"]);
        assert_eq!(messages(LevelFilter::ERROR), Vec::<String>::new());
        assert_eq!(messages(LevelFilter::DEBUG), ["chatter", "trouble", "done"]);
    }
}
