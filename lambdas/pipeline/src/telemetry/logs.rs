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
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// Targets of what is ours.
const OURS: [&str; 5] = ["pipeline", "market", "ingestion", "processing", "notification"];

/// What is logged: everything of ours from `level` on, of libraries only what is wrong, unless `level` asks for more.
fn usual(level: LevelFilter) -> Targets {
    let libraries = if level >= LevelFilter::DEBUG { level } else { level.min(LevelFilter::WARN) };
    // hyper and its like say at TRACE and DEBUG what nobody reads.
    let libraries = libraries.min(LevelFilter::DEBUG);
    OURS.into_iter().fold(Targets::new().with_default(libraries), |targets, ours| targets.with_target(ours, level))
}

/// The layer that writes the lines from `level` on, and down to DEBUG what we say of an event that everything is to be
/// logged about: one in whose span `debug` is true.
pub fn layer<S, W>(level: LevelFilter, writer: W) -> impl Layer<S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let possible =
        OURS.into_iter().fold(usual(level), |targets, ours| targets.with_target(ours, level.max(LevelFilter::DEBUG)));
    JsonLines { level, usual: usual(level), writer }.with_filter(possible)
}

/// The layer that writes the lines.
struct JsonLines<W> {
    level: LevelFilter,
    usual: Targets,
    writer: W,
}

impl<W> JsonLines<W> {
    /// The level to write a line with; none if it is not to be written.
    ///
    /// Lambda itself drops lines below the function's level. So a line that is there because of its event only is said to
    /// be of that level; `debug` tells it from others.
    fn level<S>(&self, event: &Event<'_>, context: &Context<'_, S>) -> Option<Level>
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let metadata = event.metadata();
        if self.usual.would_enable(metadata.target(), metadata.level()) {
            return Some(*metadata.level());
        }
        let debugged = |span: SpanRef<'_, S>| {
            span.extensions().get().is_some_and(|SpanFields(fields)| fields.get("debug") == Some(&Value::Bool(true)))
        };
        context.event_scope(event)?.any(debugged).then_some(self.level.into_level()?)
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
        let Some(level) = self.level(event, &context) else { return };
        let mut own = Map::new();
        event.record(&mut Collector(&mut own));
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), Value::from(market::time::format(Timestamp::now())));
        line.insert("level".to_owned(), Value::from(level.as_str()));
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
        let layer = layer(level, move || writer.clone());
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

    #[test]
    fn of_an_event_that_is_debugged_everything_of_ours_is_written_at_the_level_that_lambda_lets_pass() {
        let of_an_event = |level, debugged: Option<bool>| {
            lines(level, || {
                let span = tracing::info_span!("stage", debug = debugged, request_id = "r-1");
                span.in_scope(|| {
                    tracing::debug!(target: "processing::handler", price = "1", "judged");
                    tracing::trace!(target: "processing::handler", "finer");
                    tracing::debug!(target: "aws_runtime", "chatter");
                });
                tracing::debug!(target: "processing::handler", "about another event");
            })
        };
        let debugged = of_an_event(LevelFilter::INFO, Some(true));
        assert_eq!(debugged.len(), 1, "{debugged:?}");
        let pick = ["level", "message", "debug", "price"].map(|name| debugged[0][name].clone());
        assert_eq!(pick, [json!("INFO"), json!("judged"), json!(true), json!("1")]);
        assert_eq!(of_an_event(LevelFilter::ERROR, Some(true))[0]["level"], "ERROR");
        assert_eq!(of_an_event(LevelFilter::OFF, Some(true)), Vec::<Value>::new());
        assert_eq!(of_an_event(LevelFilter::INFO, None), Vec::<Value>::new());
        assert_eq!(of_an_event(LevelFilter::INFO, Some(false)), Vec::<Value>::new());
    }
}
