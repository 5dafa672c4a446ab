//! Traces found by what is known of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_sdk_xray::Client;
use aws_sdk_xray::types::{AnnotationValue, ServiceId, TraceSummary as SdkSummary};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::SpanStatus;
use crate::aws::time::{from_sdk, to_sdk};
use crate::aws::{AwsError, Doing};
use crate::stack::Stack;

/// At most so many pages of a hundred: X-Ray answers in no order, so the latest are known only when all were read.
const PAGES: usize = 10;

/// A trace in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TraceSummary {
    /// Its id, `1-…`.
    pub id: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// From its first to its last end, in milliseconds.
    pub duration_ms: Option<f64>,
    /// How it went: the worst that happened in it.
    pub status: SpanStatus,
    /// The services in it.
    pub services: Vec<String>,
    /// What our functions noted: `event_id`, `symbol`, `event_type`.
    pub annotations: BTreeMap<String, Vec<String>>,
}

/// Which traces to look for. All conditions must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceQuery {
    /// The first instant.
    pub start: Timestamp,
    /// The last; at most a day later.
    pub end: Timestamp,
    /// Only those that this service has a part in; none looks at those of the stack's functions.
    pub service: Option<String>,
    /// Only those with these annotations.
    pub annotations: Vec<(String, String)>,
    /// Only those in which something failed, was refused or throttled.
    pub failed: bool,
    /// Only those that took at least so long.
    pub slower_than: Option<SignedDuration>,
    /// At most so many, the latest.
    pub limit: usize,
}

impl TraceQuery {
    /// All traces of the stack between two times.
    pub fn between(start: Timestamp, end: Timestamp, limit: usize) -> Self {
        Self { start, end, service: None, annotations: Vec::new(), failed: false, slower_than: None, limit }
    }

    /// X-Ray's filter expression for it.
    /// <https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html>
    fn expression(&self, stack: &Stack) -> String {
        let service = |name: &str| format!("service({})", quoted(name));
        let functions = || {
            let names: Vec<String> = stack.stages.iter().map(|(_, stage)| service(&stage.function_name)).collect();
            format!("({})", names.join(" OR "))
        };
        let mut text = self.service.as_ref().map_or_else(functions, |name| service(name));
        for (key, value) in &self.annotations {
            let _ = write!(text, " AND annotation.{key} = {}", quoted(value));
        }
        if self.failed {
            text.push_str(" AND (error = true OR fault = true OR throttle = true)");
        }
        if let Some(slower_than) = self.slower_than {
            let _ = write!(text, " AND duration >= {}", slower_than.as_secs_f64());
        }
        text
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Finds traces, the latest first. Each that X-Ray looks at for it is charged.
pub async fn list(client: &Client, stack: &Stack, query: &TraceQuery) -> Result<Vec<TraceSummary>, AwsError> {
    let expression = query.expression(stack);
    let mut found = Vec::new();
    let mut token = None;
    for _ in 0..PAGES {
        let answer = client
            .get_trace_summaries()
            .start_time(to_sdk(query.start))
            .end_time(to_sdk(query.end))
            .filter_expression(&expression)
            .set_next_token(token)
            .send()
            .await
            .doing(|| format!("find traces by {expression}"))?;
        found.extend(answer.trace_summaries().iter().filter_map(TraceSummary::from_sdk));
        token = answer.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    found.sort_by(|one, other| other.started_at.cmp(&one.started_at).then_with(|| one.id.cmp(&other.id)));
    found.truncate(query.limit);
    Ok(found)
}

impl TraceSummary {
    fn from_sdk(summary: &SdkSummary) -> Option<Self> {
        let id = summary.id()?.to_owned();
        let mut services: Vec<String> = Vec::new();
        for name in summary.service_ids().iter().filter_map(ServiceId::name) {
            if !services.iter().any(|known| known == name) {
                services.push(name.to_owned());
            }
        }
        let annotations = summary.annotations().into_iter().flatten().map(|(key, values)| {
            let values = values.iter().filter_map(|value| text(value.annotation_value()?));
            (key.clone(), values.collect())
        });
        Some(Self {
            // A summary without a start has it in its id: whole seconds in hexadecimal.
            started_at: summary.start_time().and_then(from_sdk).or_else(|| super::waterfall::started_by_id(&id)),
            duration_ms: summary.duration().map(|seconds| seconds * 1000.0),
            status: status(summary),
            services,
            annotations: annotations.collect(),
            id,
        })
    }

    /// The first value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key)?.first().map(String::as_str)
    }
}

fn status(summary: &SdkSummary) -> SpanStatus {
    // A throttle is an error too, and a fault is worse than both.
    let flags = [
        (summary.has_fault(), SpanStatus::Fault),
        (summary.has_throttle(), SpanStatus::Throttled),
        (summary.has_error(), SpanStatus::Error),
        (summary.is_partial(), SpanStatus::Running),
    ];
    flags.into_iter().find(|(flag, _)| *flag == Some(true)).map_or(SpanStatus::Ok, |(_, status)| status)
}

fn text(value: &AnnotationValue) -> Option<String> {
    match value {
        AnnotationValue::StringValue(text) => Some(text.clone()),
        AnnotationValue::NumberValue(number) => Some(number.to_string()),
        AnnotationValue::BooleanValue(yes) => Some(yes.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_xray::operation::get_trace_summaries::GetTraceSummariesOutput;
    use aws_sdk_xray::types::ValueWithServiceIds;
    use aws_smithy_mocks::mock;
    use aws_smithy_types::DateTime;

    use super::*;
    use crate::aws::testing;
    use crate::stack::samples;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn conditions_become_an_expression_and_nothing_escapes_from_its_quotes() {
        let all = TraceQuery::between(at(0), at(60), 10);
        assert_eq!(
            all.expression(&samples::stack()),
            "(service(\"lambda-ingestion-dev\") OR service(\"lambda-processing-dev\") OR \
             service(\"lambda-notification-dev\"))"
        );
        let some = TraceQuery {
            service: Some("DynamoDB".to_owned()),
            annotations: vec![("event_id".to_owned(), "e\"1\" OR fault\\".to_owned())],
            failed: true,
            slower_than: Some(SignedDuration::from_millis(500)),
            ..all
        };
        assert_eq!(
            some.expression(&samples::stack()),
            "service(\"DynamoDB\") AND annotation.event_id = \"e\\\"1\\\" OR fault\\\\\" \
             AND (error = true OR fault = true OR throttle = true) AND duration >= 0.5"
        );
    }

    #[tokio::test]
    async fn the_latest_of_all_pages_come_first() {
        let summary = |id: &str, second: i64| {
            let value = ValueWithServiceIds::builder()
                .annotation_value(AnnotationValue::StringValue("BTCUSDT".to_owned()))
                .build();
            SdkSummary::builder()
                .id(id)
                .start_time(DateTime::from_secs(second))
                .duration(0.25)
                .has_fault(second == 3)
                .annotations("symbol", vec![value])
                .build()
        };
        let first = GetTraceSummariesOutput::builder()
            .trace_summaries(summary("1-a", 1))
            .trace_summaries(summary("1-c", 3))
            .next_token("more")
            .build();
        let second = GetTraceSummariesOutput::builder().trace_summaries(summary("1-b", 2)).build();
        let one = mock!(Client::get_trace_summaries)
            .match_requests(|request| request.next_token().is_none())
            .then_output(move || first.clone());
        let two = mock!(Client::get_trace_summaries)
            .match_requests(|request| request.next_token() == Some("more"))
            .then_output(move || second.clone());
        let client = testing::clients(&[&one, &two]).xray;
        let found = list(&client, &samples::stack(), &TraceQuery::between(at(0), at(60), 2)).await.unwrap();
        assert_eq!(found.iter().map(|trace| trace.id.as_str()).collect::<Vec<_>>(), ["1-c", "1-b"]);
        assert_eq!((found[0].status, found[1].status), (SpanStatus::Fault, SpanStatus::Ok));
        assert_eq!((found[0].annotation("symbol"), found[0].duration_ms), (Some("BTCUSDT"), Some(250.0)));
    }
}
