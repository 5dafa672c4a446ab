//! Finished spans as X-Ray subsegments, sent to the daemon that Lambda runs beside the function.
//!
//! The document: <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html>; the datagram, a header
//! line and the document: <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html>. opentelemetry-aws has an
//! exporter too, and with it the regex crate and its Unicode tables: a tenth of a function, which every cold start loads, and
//! a compiled expression that the first event waits for.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::Status;
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde::Serialize;

/// What goes before each document.
const HEADER: &[u8] = b"{\"format\": \"json\", \"version\": 1}\n";
/// X-Ray takes names of at most so many characters.
const MAX_NAME: usize = 200;
/// X-Ray takes text in an annotation up to so many characters.
const MAX_ANNOTATION: usize = 1000;
/// Attributes that become annotations, which traces are found by, have this before their name.
const ANNOTATION: &str = "annotation.";

/// Sends each span as a document of its own; X-Ray puts them together by their parents.
#[derive(Debug)]
pub(crate) struct DaemonExporter {
    socket: UdpSocket,
}

impl DaemonExporter {
    /// An exporter to the daemon at `address`.
    pub(crate) fn new(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect(address)?;
        // A datagram that the kernel has no room for is lost rather than waited for.
        socket.set_nonblocking(true)?;
        Ok(Self { socket })
    }

    fn send(&self, span: &SpanData) -> io::Result<()> {
        let mut datagram = HEADER.to_vec();
        serde_json::to_writer(&mut datagram, &Subsegment::of(span))?;
        self.socket.send(&datagram).map(drop)
    }
}

impl SpanExporter for DaemonExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let failed =
            |error: io::Error| OTelSdkError::InternalFailure(format!("failed to send to the X-Ray daemon: {error}"));
        batch.iter().try_for_each(|span| self.send(span)).map_err(failed)
    }
}

/// The document.
#[derive(Debug, Serialize)]
struct Subsegment<'a> {
    name: String,
    /// 16 hexadecimal digits.
    id: String,
    trace_id: String,
    parent_id: String,
    r#type: &'static str,
    /// Seconds since the epoch.
    start_time: f64,
    end_time: f64,
    /// `aws` for a call of AWS: the service map then shows the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws: Option<Aws<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<Http>,
    /// The caller's fault (HTTP 4xx).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    error: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    throttle: bool,
    /// The server's fault, or no answer at all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fault: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Cause<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'a str, Annotation<'a>>,
}

#[derive(Debug, Serialize)]
struct Aws<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
struct Http {
    response: Response,
}

#[derive(Debug, Serialize)]
struct Response {
    status: i64,
}

#[derive(Debug, Serialize)]
struct Cause<'a> {
    exceptions: [Exception<'a>; 1],
}

#[derive(Debug, Serialize)]
struct Exception<'a> {
    id: String,
    message: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Annotation<'a> {
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(Cow<'a, str>),
}

impl<'a> Subsegment<'a> {
    fn of(span: &'a SpanData) -> Self {
        let attribute = |name: &str| span.attributes.iter().find(|KeyValue { key, .. }| key.as_str() == name);
        let text = |name: &str| attribute(name).map(|KeyValue { value, .. }| value.as_str());
        // What the SDK says of its calls: service, operation.
        let service = text("rpc.service").filter(|_| text("rpc.system").as_deref() == Some("aws-api"));
        let status = attribute("http.response.status_code").and_then(|KeyValue { value, .. }| match value {
            Value::I64(status) => Some(*status),
            _ => None,
        });
        let problem = match &span.status {
            Status::Error { description } => Some(description.as_ref()),
            _ => None,
        };
        let error = matches!(status, Some(400..=499));
        Self {
            name: name(service.as_deref().unwrap_or(&span.name)),
            id: span.span_context.span_id().to_string(),
            trace_id: trace_id(&span.span_context.trace_id().to_string()),
            parent_id: span.parent_span_id.to_string(),
            // Nothing is recorded without a parent: the function's segment is Lambda's own to send.
            r#type: "subsegment",
            start_time: seconds(span.start_time),
            end_time: seconds(span.end_time),
            namespace: service.is_some().then_some("aws"),
            aws: service.map(|_| Aws { operation: text("rpc.method"), request_id: text("aws.request_id") }),
            http: status.map(|status| Http { response: Response { status } }),
            error,
            throttle: status == Some(429),
            fault: !error && (problem.is_some() || matches!(status, Some(500..=599))),
            cause: problem.map(|message| Cause {
                exceptions: [Exception { id: span.span_context.span_id().to_string(), message }],
            }),
            annotations: span.attributes.iter().filter_map(annotation).collect(),
        }
    }
}

/// `1-{8 hexadecimal digits of seconds}-{24 hexadecimal digits}`, of the 32 that `OpenTelemetry` has.
fn trace_id(digits: &str) -> String {
    let (time, unique) = digits.split_at_checked(8).unwrap_or((digits, ""));
    format!("1-{time}-{unique}")
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// With an underscore for what X-Ray does not take in a name.
fn name(text: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/%&#=+\\-@".contains(c);
    text.chars().take(MAX_NAME).map(|c| if allowed(c) { c } else { '_' }).collect()
}

/// Keys have letters, digits and underscores, as ours do; other attributes are not sent.
fn annotation(KeyValue { key, value, .. }: &KeyValue) -> Option<(&str, Annotation<'_>)> {
    let key = key.as_str().strip_prefix(ANNOTATION)?;
    let value = match value {
        Value::Bool(value) => Annotation::Boolean(*value),
        Value::I64(value) => Annotation::Integer(*value),
        Value::F64(value) => Annotation::Number(*value),
        other => Annotation::Text(shortened(other.as_str())),
    };
    Some((key, value))
}

fn shortened(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_ANNOTATION) {
        Some((end, _)) => Cow::Owned(text[..end].to_owned()),
        None => text,
    }
}
