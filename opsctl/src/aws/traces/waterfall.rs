//! One trace as rows that are ready to draw.

use std::collections::{BTreeMap, HashMap, HashSet};

use aws_sdk_xray::Client;
use aws_sdk_xray::types::Segment;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;

use super::document::Document;
use crate::aws::{AwsError, AwsErrorKind, Doing};

/// A trace, row by row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waterfall {
    /// Its id, `1-…`.
    pub id: String,
    /// When it began.
    pub started_at: Timestamp,
    /// Until its last end, in milliseconds.
    pub duration_ms: f64,
    /// X-Ray left out some of it because it is too large.
    pub cut: bool,
    /// What happened, in order: below each row what it is made of.
    pub spans: Vec<Span>,
}

/// A row of a waterfall.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Span {
    /// Its id.
    pub id: String,
    /// How deep it stands: the trace's own rows are at 0.
    pub depth: usize,
    /// The service or the work.
    pub name: String,
    /// What was asked of a service, such as `UpdateItem`.
    pub operation: Option<String>,
    /// `AWS::Lambda::Function`, `aws` …
    pub kind: Option<String>,
    /// From the beginning of the trace to its own, in milliseconds.
    pub offset_ms: f64,
    /// How long it took, in milliseconds; none while it runs, or when its end was never told.
    pub duration_ms: Option<f64>,
    /// How it went.
    pub status: SpanStatus,
    /// The answer's HTTP status.
    pub http_status: Option<u16>,
    /// What went wrong.
    pub problem: Option<String>,
    /// What our functions noted.
    pub annotations: BTreeMap<String, String>,
}

#[cfg(test)]
impl Span {
    /// A row with nothing special about it. One that failed says why.
    pub(crate) fn sample(
        depth: usize,
        (name, operation): (&str, Option<&str>),
        (offset_ms, duration_ms): (f64, Option<f64>),
        status: SpanStatus,
    ) -> Self {
        let failed = status == SpanStatus::Error;
        Self {
            id: "s".to_owned(),
            depth,
            name: name.to_owned(),
            operation: operation.map(str::to_owned),
            kind: None,
            offset_ms,
            duration_ms,
            status,
            http_status: failed.then_some(400),
            problem: failed.then(|| "ConditionalCheckFailedException: the row has moved".to_owned()),
            annotations: BTreeMap::new(),
        }
    }
}

/// How a span went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpanStatus {
    /// Well.
    Ok,
    /// It was refused (4xx).
    Error,
    /// It was throttled (429).
    Throttled,
    /// It failed (5xx, or an exception).
    Fault,
    /// It has not ended yet, or its end was never told.
    Running,
}

impl SpanStatus {
    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Throttled => "throttled",
            Self::Fault => "fault",
            Self::Running => "running",
        }
    }
}

/// True for text that has the shape of a trace's id: `1-` eight hexadecimal digits `-` 24 more.
pub fn is_trace_id(text: &str) -> bool {
    let mut parts = text.split('-');
    let hex = |part: Option<&str>, length: usize| {
        part.is_some_and(|part| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    parts.next() == Some("1") && hex(parts.next(), 8) && hex(parts.next(), 24) && parts.next().is_none()
}

/// When a trace began, to the second, as its id tells.
pub(super) fn started_by_id(id: &str) -> Option<Timestamp> {
    let seconds = i64::from_str_radix(id.split('-').nth(1)?, 16).ok()?;
    Timestamp::from_second(seconds).ok()
}

/// Reads a trace. [`AwsErrorKind::NotFound`] when X-Ray has nothing of it.
pub async fn read(client: &Client, id: &str) -> Result<Waterfall, AwsError> {
    let doing = || format!("read trace {id}");
    let mut documents = Vec::new();
    let mut cut = false;
    let mut token = None;
    loop {
        let answer = client.batch_get_traces().trace_ids(id).set_next_token(token).send().await.doing(doing)?;
        for trace in answer.traces() {
            cut |= trace.limit_exceeded() == Some(true);
            for text in trace.segments().iter().filter_map(Segment::document) {
                let document: Document = serde_json::from_str(text).map_err(|error| {
                    AwsError::unusable(doing(), format!("a segment of it cannot be understood: {error}"))
                })?;
                documents.push(document);
            }
        }
        token = answer.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    waterfall(id, documents, cut).ok_or_else(|| AwsError {
        kind: AwsErrorKind::NotFound,
        doing: doing(),
        code: None,
        reason: "X-Ray has nothing of it: it was not sampled, is not there yet, or is older than 30 days".to_owned(),
    })
}

/// Segments come one by one, as they ended: who stands below whom is known by ids only.
fn waterfall(id: &str, segments: Vec<Document>, cut: bool) -> Option<Waterfall> {
    let mut documents = Vec::new();
    for segment in segments {
        flatten(segment, None, &mut documents);
    }
    // What X-Ray inferred repeats the call that it was inferred from.
    let called: HashSet<String> =
        documents.iter().filter(|(document, _)| !document.inferred).map(|(document, _)| document.id.clone()).collect();
    documents.retain(|(document, parent)| {
        !(document.inferred && parent.as_ref().is_some_and(|parent| called.contains(parent)))
    });
    let start = documents.iter().map(|(document, _)| document.start_time).reduce(f64::min)?;
    let end =
        documents.iter().map(|(document, _)| document.end_time.unwrap_or(document.start_time)).reduce(f64::max)?;
    let mut known: HashSet<String> = HashSet::new();
    // The same segment may come twice, running and ended: the ended one tells more.
    documents.sort_by(|(one, _), (other, _)| {
        one.start_time.total_cmp(&other.start_time).then(other.end_time.is_some().cmp(&one.end_time.is_some()))
    });
    documents.retain(|(document, _)| known.insert(document.id.clone()));
    let mut children: HashMap<Option<String>, Vec<Document>> = HashMap::new();
    for (document, parent) in documents {
        let parent = parent.filter(|parent| known.contains(parent) && *parent != document.id);
        children.entry(parent).or_default().push(document);
    }
    let mut spans = Vec::new();
    let roots = children.remove(&None).unwrap_or_default();
    let mut stack: Vec<(usize, Document)> = roots.into_iter().rev().map(|root| (0, root)).collect();
    while let Some((depth, document)) = stack.pop() {
        let below = children.remove(&Some(document.id.clone())).unwrap_or_default();
        stack.extend(below.into_iter().rev().map(|child| (depth + 1, child)));
        spans.push(span(document, depth, start));
    }
    let started_at = SignedDuration::try_from_secs_f64(start).ok();
    Some(Waterfall {
        id: id.to_owned(),
        started_at: started_at.and_then(|since| Timestamp::UNIX_EPOCH.checked_add(since).ok())?,
        duration_ms: (end - start) * 1000.0,
        cut,
        spans,
    })
}

/// A segment and all below it, each with its parent's id.
fn flatten(mut document: Document, parent: Option<String>, all: &mut Vec<(Document, Option<String>)>) {
    let below = std::mem::take(&mut document.subsegments);
    let id = document.id.clone();
    let parent = parent.or_else(|| document.parent_id.clone());
    all.push((document, parent));
    for child in below {
        flatten(child, Some(id.clone()), all);
    }
}

fn span(document: Document, depth: usize, start: f64) -> Span {
    let status = if document.fault {
        SpanStatus::Fault
    } else if document.throttle {
        SpanStatus::Throttled
    } else if document.error {
        SpanStatus::Error
    } else if document.end_time.is_none() {
        SpanStatus::Running
    } else {
        SpanStatus::Ok
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Span {
        depth,
        operation: document.operation().map(str::to_owned),
        offset_ms: (document.start_time - start) * 1000.0,
        duration_ms: document.end_time.map(|end| (end - document.start_time) * 1000.0),
        status,
        http_status: document.http.response.status,
        problem: document.problem(),
        annotations: document.annotations.iter().map(|(key, value)| (key.clone(), text(value))).collect(),
        kind: document.origin.or(document.namespace),
        id: document.id,
        name: document.name,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_xray::operation::batch_get_traces::BatchGetTracesOutput;
    use aws_sdk_xray::types::Trace;
    use aws_smithy_mocks::mock;
    use serde_json::json;

    use super::*;
    use crate::aws::testing;

    const ID: &str = "1-5ff7a180-0123456789abcdef01234567";

    fn documents() -> Vec<Value> {
        vec![
            // The function's own segment comes after the one that it stands below, and the order says nothing.
            json!({"id": "f", "name": "lambda-processing-dev", "origin": "AWS::Lambda::Function", "parent_id": "s",
                   "start_time": 10.02, "end_time": 10.30, "annotations": {"symbol": "BTCUSDT", "sequence": 7},
                   "subsegments": [
                       {"id": "q", "name": "DynamoDB", "namespace": "aws", "start_time": 10.10, "end_time": 10.15,
                        "aws": {"operation": "UpdateItem"}, "http": {"response": {"status": 400}}, "error": true,
                        "cause": {"exceptions": [{"type": "ConditionalCheckFailed", "message": "the row has moved"}]}},
                       {"id": "g", "name": "DynamoDB", "namespace": "aws", "start_time": 10.05, "end_time": 10.09,
                        "aws": {"operation": "GetItem"}}]}),
            json!({"id": "s", "name": "lambda-processing-dev", "origin": "AWS::Lambda", "start_time": 10.0,
                   "end_time": 10.31}),
            json!({"id": "i", "name": "DynamoDB", "inferred": true, "parent_id": "q", "start_time": 10.10,
                   "end_time": 10.15}),
            json!({"id": "r", "name": "lambda-notification-dev", "parent_id": "gone", "start_time": 10.4,
                   "in_progress": true}),
        ]
    }

    fn drawn(documents: &[Value]) -> Waterfall {
        let documents = documents.iter().map(|document| serde_json::from_value(document.clone()).unwrap()).collect();
        waterfall(ID, documents, false).unwrap()
    }

    #[test]
    fn rows_stand_below_what_they_belong_to_in_order_of_time() {
        let waterfall = drawn(&documents());
        let rows: Vec<_> =
            waterfall.spans.iter().map(|span| (span.depth, span.id.as_str(), span.offset_ms.round())).collect();
        assert_eq!(rows, [(0, "s", 0.0), (1, "f", 20.0), (2, "g", 50.0), (2, "q", 100.0), (0, "r", 400.0)]);
        assert_eq!(waterfall.started_at.to_string(), "1970-01-01T00:00:10Z");
        assert!((waterfall.duration_ms - 400.0).abs() < 0.1, "{}", waterfall.duration_ms);
    }

    #[test]
    fn each_row_says_how_it_went() {
        let waterfall = drawn(&documents());
        let of = |id: &str| waterfall.spans.iter().find(|span| span.id == id).unwrap();
        assert_eq!(of("s").status, SpanStatus::Ok);
        assert_eq!((of("q").status, of("q").http_status), (SpanStatus::Error, Some(400)));
        assert_eq!(of("q").operation.as_deref(), Some("UpdateItem"));
        assert_eq!(of("q").problem.as_deref(), Some("ConditionalCheckFailed: the row has moved"));
        assert_eq!((of("r").status, of("r").duration_ms), (SpanStatus::Running, None));
        assert_eq!(of("f").annotations["symbol"], "BTCUSDT");
        assert_eq!(of("f").annotations["sequence"], "7");
    }

    #[test]
    fn a_segment_told_twice_is_one_row_and_a_circle_is_no_hang() {
        let twice = [
            json!({"id": "a", "name": "a", "start_time": 1.0, "in_progress": true}),
            json!({"id": "a", "name": "a", "start_time": 1.0, "end_time": 2.0}),
            json!({"id": "x", "name": "x", "parent_id": "y", "start_time": 1.0, "end_time": 2.0}),
            json!({"id": "y", "name": "y", "parent_id": "x", "start_time": 1.0, "end_time": 2.0}),
        ];
        let spans = drawn(&twice).spans;
        assert_eq!(spans.iter().filter(|span| span.id == "a").count(), 1);
        assert_eq!(spans[0].status, SpanStatus::Ok);
    }

    #[tokio::test]
    async fn a_trace_that_nobody_has_says_why() {
        let found =
            mock!(Client::batch_get_traces).match_requests(|request| request.trace_ids() == [ID]).then_output(|| {
                let segments =
                    documents().into_iter().map(|document| Segment::builder().document(document.to_string()).build());
                let trace = Trace::builder().id(ID).limit_exceeded(true).set_segments(Some(segments.collect())).build();
                BatchGetTracesOutput::builder().traces(trace).build()
            });
        let nothing = mock!(Client::batch_get_traces).then_output(|| BatchGetTracesOutput::builder().build());
        let client = testing::clients(&[&found, &nothing]).xray;
        let waterfall = read(&client, ID).await.unwrap();
        assert!(waterfall.cut && waterfall.spans.len() == 5);
        let error = read(&client, "1-5ff7a180-ffffffffffffffffffffffff").await.unwrap_err();
        assert_eq!(error.kind, AwsErrorKind::NotFound);
        assert!(error.to_string().contains("not sampled"), "{error}");
    }

    #[test]
    fn trace_ids_are_told_from_event_ids() {
        assert!(is_trace_id(ID));
        for text in
            ["", "e1", "1-5ff7a180", "2-5ff7a180-0123456789abcdef01234567", "1-5ff7a180-0123456789abcdef0123456g"]
        {
            assert!(!is_trace_id(text), "{text}");
        }
        assert_eq!(started_by_id(ID).map(|at| at.to_string()).as_deref(), Some("2021-01-08T00:04:16Z"));
    }
}
