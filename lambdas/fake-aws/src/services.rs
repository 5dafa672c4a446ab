//! The services' answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::http::response;
use crate::{State, dynamodb};

/// The operation that a request asks for, and its input.
pub(crate) fn parse(request: &HttpRequest) -> (String, Value) {
    let body = request.body().bytes().unwrap_or_default();
    if let Some(target) = request.headers().get("x-amz-target") {
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        return (operation, serde_json::from_slice(body).unwrap_or(Value::Null));
    }
    let mut fields = form(&String::from_utf8_lossy(body));
    let operation = fields.remove("Action").unwrap_or_default();
    (operation, json!(fields))
}

/// Carries out a request.
pub(crate) fn answer(state: &mut State, operation: &str, input: &Value) -> HttpResponse {
    match operation {
        "PutItem" | "GetItem" | "UpdateItem" | "Query" => dynamodb::answer(state, operation, input),
        "PutEvents" => put_events(state, input),
        "SendMessage" => {
            state.messages.push(input.clone());
            ok(&json!({"MessageId": format!("message-{}", state.messages.len())}))
        }
        "GetParameters" => get_parameters(state, input),
        "Publish" => publish(state, input),
        other => error(400, "UnknownOperationException", &format!("the fake does not know {other}")),
    }
}

pub(crate) fn ok(body: &Value) -> HttpResponse {
    response(200, body.to_string())
}

pub(crate) fn error(status: u16, code: &str, message: &str) -> HttpResponse {
    let mut answer = response(status, json!({"__type": code, "message": message}).to_string());
    answer.headers_mut().insert("x-amzn-errortype", code.to_owned());
    answer
}

/// An error in the protocol of the operation's service: all speak JSON but SNS.
pub(crate) fn refusal(operation: &str, status: u16, code: &str) -> HttpResponse {
    const MESSAGE: &str = "refused by the fake";
    if operation == "Publish" { query_error(status, code, MESSAGE) } else { error(status, code, MESSAGE) }
}

fn query_error(status: u16, code: &str, message: &str) -> HttpResponse {
    response(
        status,
        format!(
            "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>{message}</Message></Error><RequestId>fake-request</RequestId></ErrorResponse>"
        ),
    )
}

fn put_events(state: &mut State, input: &Value) -> HttpResponse {
    let mut failed = 0;
    let mut results = Vec::new();
    for entry in input["Entries"].as_array().into_iter().flatten() {
        if let Some(Some(code)) = state.entry_errors.pop_front() {
            failed += 1;
            results.push(json!({"ErrorCode": code, "ErrorMessage": "failed by the fake"}));
        } else {
            state.events.push(entry.clone());
            results.push(json!({"EventId": format!("bus-{}", state.events.len())}));
        }
    }
    ok(&json!({"FailedEntryCount": failed, "Entries": results}))
}

/// Names may say which version is meant: `name:3`.
fn get_parameters(state: &State, input: &Value) -> HttpResponse {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for asked in input["Names"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let (name, selector) = asked.split_once(':').map_or((asked, None), |(name, version)| (name, Some(version)));
        let versions = state.parameters.get(name).map(Vec::as_slice).unwrap_or_default();
        let version = selector.map_or(versions.len(), |version| version.parse().unwrap_or(0));
        match version.checked_sub(1).and_then(|index| versions.get(index)) {
            Some(value) => found.push(json!({"Name": name, "Type": "String", "Value": value, "Version": version})),
            None => missing.push(asked),
        }
    }
    ok(&json!({"Parameters": found, "InvalidParameters": missing}))
}

fn publish(state: &mut State, input: &Value) -> HttpResponse {
    let fields: BTreeMap<_, _> = input
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    state.published.push(fields);
    response(
        200,
        format!(
            "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>mail-{}</MessageId>\
             </PublishResult><ResponseMetadata><RequestId>fake-request</RequestId></ResponseMetadata></PublishResponse>",
            state.published.len()
        ),
    )
}

/// Decodes `application/x-www-form-urlencoded`.
fn form(body: &str) -> BTreeMap<String, String> {
    body.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (unescape(key), unescape(value)))
        .collect()
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut hex = String::new();
                for digit in rest.by_ref().take(2) {
                    let _ = write!(hex, "{}", char::from(digit));
                }
                bytes.push(u8::from_str_radix(&hex, 16).unwrap_or(b'?'));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
