//! Traces: `OpenTelemetry` spans sent to Lambda's X-Ray daemon as subsegments of the function's segment.
//!
//! The SDK's own spans (one an operation and attempt) become the subsegments of the AWS calls. Whether an invocation is
//! sampled is decided upstream and said in its trace header; nothing is recorded without a parent.

use std::io;
use std::net::SocketAddr;
use std::task::{Context as TaskContext, Poll};

use lambda_runtime::LambdaInvocation;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_aws::trace::{XrayIdGenerator, XrayPropagator};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use super::xray::DaemonExporter;

/// Sends finished spans to the daemon at `address`, each at once: the process may be frozen after the answer.
pub(crate) fn provider(address: SocketAddr) -> io::Result<SdkTracerProvider> {
    Ok(SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)))
        .with_id_generator(XrayIdGenerator::default())
        .with_simple_exporter(DaemonExporter::new(address)?)
        .build())
}

/// The layer that makes `OpenTelemetry` spans of tracing's.
pub(crate) fn layer<S>(provider: &SdkTracerProvider) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    // The SDK's operation spans are at DEBUG; everything else of it at that level is noise.
    let operations =
        ["dynamodb", "eventbridge", "sns", "sqs", "ssm"].map(|service| format!("aws_sdk_{service}::operation"));
    let targets = Targets::new().with_default(LevelFilter::INFO).with_target("opentelemetry", LevelFilter::OFF);
    let targets = operations.into_iter().fold(targets, |targets, name| targets.with_target(name, LevelFilter::DEBUG));
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("pipeline"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(targets)
}

/// The trace header as a carrier with one field.
struct Header<'a>(&'a str);

impl Extractor for Header<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == "x-amzn-trace-id").then_some(self.0)
    }

    fn keys(&self) -> Vec<&str> {
        vec!["x-amzn-trace-id"]
    }
}

/// The outermost layer of the runtime: makes the function's own X-Ray segment the parent of the span that the next layer
/// opens. It must be so before that span exists; afterwards its parent cannot be set any more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct XrayParent;

impl<S> tower::Layer<S> for XrayParent {
    type Service = XrayParentService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        XrayParentService(inner)
    }
}

/// See [`XrayParent`].
#[derive(Debug, Clone)]
pub(crate) struct XrayParentService<S>(S);

impl<S: tower::Service<LambdaInvocation>> tower::Service<LambdaInvocation> for XrayParentService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> S::Future {
        let header = invocation.context.xray_trace_id.as_deref().unwrap_or_default();
        let parent = XrayPropagator::default().extract(&Header(header));
        let _attached = parent.attach();
        self.0.call(invocation)
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use opentelemetry::trace::Status;
    use serde_json::{Value, json};
    use tower::{Layer as _, Service as _, service_fn};
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// A trace of now: one whose id says that it is older than 30 days is not sent, since X-Ray would not take it.
    fn trace_id() -> String {
        format!("1-{:08x}-0123456789abcdef01234567", jiff::Timestamp::now().as_second())
    }

    /// The documents that a daemon gets when `work` runs in a span below an invocation with that trace header.
    async fn documents(header: &str) -> Vec<Value> {
        let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
        daemon.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let provider = provider(daemon.local_addr().unwrap()).unwrap();
        let subscriber = tracing_subscriber::registry().with(Some(layer(&provider)));
        let _default = tracing::subscriber::set_default(subscriber);
        let inner = service_fn(|_: LambdaInvocation| {
            let span = tracing::info_span!("stage", "otel.name" = "ingestion", "annotation.symbol" = "BTCUSDT");
            span.in_scope(|| {
                let call = tracing::debug_span!(
                    target: "aws_sdk_dynamodb::operation::put_item",
                    "DynamoDB.PutItem",
                    "rpc.system" = "aws-api",
                    "rpc.service" = "DynamoDB",
                    "rpc.method" = "PutItem",
                );
                // As `crate::aws::SpanDetails` does.
                call.set_attribute("http.response.status_code", 400);
                call.set_attribute("aws.request_id", "r-1");
                call.set_status(Status::error("HTTP 400"));
                call.in_scope(|| ());
                tracing::debug_span!(target: "aws_runtime", "noise").in_scope(|| ());
            });
            std::future::ready(Ok::<(), lambda_runtime::Error>(()))
        });
        let (parts, ()) = http::Response::new(()).into_parts();
        let mut context = lambda_runtime::Context::default();
        context.xray_trace_id = Some(header.to_owned());
        XrayParent.layer(inner).call(LambdaInvocation { parts, body: Vec::new().into(), context }).await.unwrap();
        provider.force_flush().unwrap();
        let mut documents = Vec::new();
        let mut buffer = vec![0; 65_536];
        while let Ok(length) = daemon.recv(&mut buffer) {
            let text = std::str::from_utf8(&buffer[..length]).unwrap();
            documents.push(serde_json::from_str(text.split_once('\n').unwrap().1).unwrap());
        }
        documents
    }

    #[tokio::test]
    async fn spans_become_subsegments_of_the_invocation() {
        let trace_id = trace_id();
        let header = format!("Root={trace_id};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a:0");
        let documents = documents(&header).await;
        let names: Vec<_> = documents.iter().map(|document| document["name"].as_str().unwrap()).collect();
        assert_eq!(names.len(), 2, "{documents:#?}");
        let (call, stage) = (&documents[0], &documents[1]);
        assert_eq!(stage["name"], "ingestion");
        assert_eq!(stage["trace_id"], trace_id);
        assert_eq!(stage["parent_id"], "53995c3f42cd8ad8");
        assert_eq!(stage["type"], "subsegment");
        assert_eq!(stage["annotations"]["symbol"], "BTCUSDT");
        assert_eq!((stage.get("aws"), stage.get("fault"), stage.get("error")), (None, None, None));
        assert_eq!(call["parent_id"], stage["id"]);
        assert_eq!((&call["name"], &call["namespace"]), (&json!("DynamoDB"), &json!("aws")));
        assert_eq!(call["aws"], json!({"operation": "PutItem", "request_id": "r-1"}));
        assert_eq!(call["http"], json!({"response": {"status": 400}}));
        assert_eq!((&call["error"], call.get("fault"), call.get("annotations")), (&json!(true), None, None));
        assert_eq!(call["cause"]["exceptions"][0]["message"], "HTTP 400");
        let time = |name: &str| call[name].as_f64().unwrap();
        let now = jiff::Timestamp::now().as_duration().as_secs_f64();
        assert!(now - 60.0 < time("start_time") && time("start_time") <= time("end_time") && time("end_time") <= now);
    }

    #[tokio::test]
    async fn what_is_not_sampled_is_not_sent() {
        let header = format!("Root={};Parent=53995c3f42cd8ad8;Sampled=0", trace_id());
        assert_eq!(documents(&header).await, Vec::<Value>::new());
        assert_eq!(documents("").await, Vec::<Value>::new());
    }
}
