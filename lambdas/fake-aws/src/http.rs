//! The SDK's HTTP layer, answered from memory.

use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::sdk_config::SharedCredentialsProvider;
use serde_json::Value;

use crate::{FakeAws, Fault, State, services};

/// Turns a request over to the executor so often before it is answered that every request made at the same time has
/// started by then: that is what makes [`FakeAws::round_trips`] exact.
const YIELDS: usize = 20;

#[derive(Debug)]
struct Connector(FakeAws);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = self.0.clone();
        let (operation, body) = services::parse(&request);
        HttpConnectorFuture::new(async move {
            if aws.holds() {
                return aws.held(operation, body).await;
            }
            let (call, fault) = aws.lock().start(&operation, body.clone());
            for _ in 0..YIELDS {
                tokio::task::yield_now().await;
            }
            let answer = carry_out(&mut aws.lock(), &operation, &body, fault.as_ref());
            aws.lock().end(call);
            answer
        })
    }
}

/// The effect of a request, and what its caller learns of it.
pub(crate) fn carry_out(
    state: &mut State,
    operation: &str,
    body: &Value,
    fault: Option<&Fault>,
) -> Result<HttpResponse, ConnectorError> {
    let lost = || ConnectorError::io("connection lost".into());
    match fault {
        None => Ok(services::answer(state, operation, body)),
        Some(Fault::Refused(status, code)) => Ok(services::refusal(operation, *status, code)),
        Some(Fault::LostRequest) => Err(lost()),
        Some(Fault::LostAnswer) => {
            services::answer(state, operation, body);
            Err(lost())
        }
    }
}

/// An answer with the given status and body.
pub(crate) fn response(status: u16, body: String) -> HttpResponse {
    let status = status.try_into().unwrap_or_else(|_| unreachable!("a status the fake made up is valid"));
    let mut response = HttpResponse::new(status, SdkBody::from(body));
    response.headers_mut().insert("x-amzn-requestid", "fake-request");
    response
}

impl FakeAws {
    /// A configuration whose every client talks to this fake. The SDK's own retries are off, so that one call of a client
    /// is one request.
    pub fn sdk_config(&self) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "fake")))
            .http_client(self.http_client())
            .retry_config(RetryConfig::disabled())
            .build()
    }

    /// The fake as an HTTP client, for a configuration of one's own.
    pub fn http_client(&self) -> SharedHttpClient {
        let aws = self.clone();
        http_client_fn(move |_: &HttpConnectorSettings, _: &_| SharedHttpConnector::new(Connector(aws.clone())))
    }
}
