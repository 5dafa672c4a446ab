//! Traces: `OpenTelemetry` spans sent to Lambda's X-Ray daemon as subsegments of the function's segment.
//!
//! The SDK's own spans (one an operation and attempt) become the subsegments of the AWS calls. Whether an invocation is
//! sampled is decided upstream and said in its trace header; nothing is recorded without a parent.

use std::task::{Context as TaskContext, Poll};

use lambda_runtime::LambdaInvocation;
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_aws::trace::{XrayIdGenerator, XrayPropagator};
use opentelemetry_aws::xray_exporter::daemon_client::XrayDaemonClient;
use opentelemetry_aws::xray_exporter::{SegmentTranslator, XrayExporter};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

/// Sends finished spans to the daemon, each at once: the process may be frozen after the answer.
pub(crate) fn provider() -> SdkTracerProvider {
    let exporter = XrayExporter::new(XrayDaemonClient::default()).with_translator(SegmentTranslator::new());
    SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)))
        .with_id_generator(XrayIdGenerator::default())
        .with_simple_exporter(exporter)
        .build()
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
