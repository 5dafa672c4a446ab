//! The services' answers.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::cbor;
use super::http::{Answer, Request};
use super::trouble::Service;
use super::world::{Letter, Stage, World};

/// The service and operation of a request; none when it is for nobody here.
pub(super) fn operation(request: &Request) -> Option<(Service, String)> {
    let last = |text: &str, separator: char| text.rsplit(separator).next().unwrap_or_default().to_owned();
    if let Some((target, _)) = request.target.split_once('.') {
        let service = match target {
            "AmazonSQS" => Service::Sqs,
            "AWSEvents" => Service::EventBridge,
            target if target.starts_with("DynamoDB") => Service::DynamoDb,
            _ => return None,
        };
        return Some((service, last(&request.target, '.')));
    }
    let path = request.path.split('?').next().unwrap_or_default();
    match path {
        path if path.contains("/service/GraniteServiceVersion20100801/") => {
            Some((Service::CloudWatch, last(path, '/')))
        }
        path if path.contains("/functions/") => {
            let what = if path.ends_with("/concurrency") { "FunctionConcurrency" } else { "Function" };
            let verb = if request.method == "GET" { "Get" } else { "Put" };
            Some((Service::Lambda, format!("{verb}{what}")))
        }
        "/ServiceGraph" | "/TraceSummaries" | "/Traces" => Some((Service::XRay, last(path, '/'))),
        _ => None,
    }
}

/// Carries out a request.
pub(super) fn answer(world: &World, service: Service, operation: &str, request: &Request) -> Answer {
    let input = match service {
        Service::CloudWatch => cbor::decode(&request.body),
        _ => serde_json::from_slice(&request.body).unwrap_or_default(),
    };
    let output = match operation {
        "DescribeAlarms" => alarms(world, &input),
        "GetMetricStatistics" => statistics(world, &input),
        "GetQueueAttributes" => queue(world, &input),
        "ReceiveMessage" => messages(world, &input),
        "Query" => events(world, &input),
        "GetFunction" => function(world, &request.path),
        "DescribeRule" => rule(world, &input),
        "ServiceGraph" => service_graph(world),
        "DescribeAlarmHistory" => json!({"AlarmHistoryItems": []}),
        "TraceSummaries" => json!({"TraceSummaries": [], "TracesProcessedCount": 0}),
        "Traces" => json!({"Traces": [], "UnprocessedTraceIds": []}),
        _ => return error(service, 400, "UnknownOperationException", "the fake does not know it"),
    };
    respond(service, 200, &output)
}

/// An error in the service's protocol.
pub(super) fn error(service: Service, status: u16, code: &str, message: &str) -> Answer {
    // Each service has its own word for what it cannot find.
    let code = match (service, code) {
        (Service::Sqs, "ResourceNotFoundException") => "com.amazonaws.sqs#QueueDoesNotExist",
        (_, code) => code,
    };
    let mut answer = respond(service, status, &json!({"__type": code, "message": message}));
    answer.headers.push(("x-amzn-errortype", code.to_owned()));
    answer
}

fn respond(service: Service, status: u16, document: &Value) -> Answer {
    if service == Service::CloudWatch {
        let headers =
            vec![("smithy-protocol", "rpc-v2-cbor".to_owned()), ("content-type", "application/cbor".to_owned())];
        return Answer { status, headers, body: cbor::encode(document) };
    }
    let headers = vec![("content-type", "application/json".to_owned())];
    Answer { status, headers, body: document.to_string().into_bytes() }
}

/// The stage whose name is part of a name: `lambda-ingestion-dev`.
fn stage<'a>(world: &'a World, name: &str) -> Option<&'a Stage> {
    world.stages.iter().find(|(stage, _)| name.contains(*stage)).map(|(_, stage)| stage)
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "seconds")]
fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1e3
}

fn alarms(world: &World, input: &Value) -> Value {
    let names = input["AlarmNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let alarms = names.filter(|name| !world.missing.contains(*name)).map(|name| {
        let why = world.ringing.get(name);
        let since = Timestamp::now().as_second() - if why.is_some() { 90 } else { 86_400 };
        json!({
            "AlarmName": name,
            "StateValue": if why.is_some() { "ALARM" } else { "OK" },
            "StateReason": why.map_or("no datapoints were received", String::as_str),
            "StateTransitionedTimestamp": since,
            "ActionsEnabled": true,
        })
    });
    json!({"MetricAlarms": alarms.collect::<Vec<_>>(), "CompositeAlarms": []})
}

/// The same value in each minute of the span.
fn statistics(world: &World, input: &Value) -> Value {
    let name = text(input, "MetricName");
    let mut dimensions = input["Dimensions"].as_array().into_iter().flatten();
    let stage = dimensions.find_map(|dimension| stage(world, text(dimension, "Value")));
    let number = |field: &str| input[field].as_f64().unwrap_or_default();
    #[expect(clippy::cast_possible_truncation, reason = "seconds")]
    let (start, end, period) = (number("StartTime") as i64, number("EndTime") as i64, number("Period").max(1.0) as i64);
    let end = end.min(Timestamp::now().as_second());
    let points = (start..end).step_by(usize::try_from(period).unwrap_or(60)).filter_map(|at| {
        if name == "Duration" {
            let values = json!({"p50": 41.2, "p95": 77.0, "p99": 132.5});
            return Some(json!({"Timestamp": at, "ExtendedStatistics": values}));
        }
        let value = stage?.metrics.get(name)?;
        Some(json!({"Timestamp": at, "Sum": value, "Maximum": value}))
    });
    json!({"Label": name, "Datapoints": points.collect::<Vec<_>>()})
}

fn queue(world: &World, input: &Value) -> Value {
    let depth = stage(world, text(input, "QueueUrl")).map_or(0, |stage| stage.letters.len());
    json!({"Attributes": {
        "ApproximateNumberOfMessages": depth.to_string(),
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
    }})
}

fn messages(world: &World, input: &Value) -> Value {
    let most = input["MaxNumberOfMessages"].as_u64().unwrap_or(1);
    let message = |letter: &Letter| {
        let body = json!({
            "version": "0", "id": letter.id, "detail-type": "MarketData.Raw", "source": "marketdata.feed.binance",
            "detail": {"event_id": letter.id, "symbol": "BTCUSDT", "event_type": "trade"},
        });
        json!({
            "MessageId": letter.id,
            "ReceiptHandle": letter.id,
            "Body": body.to_string(),
            "Attributes": {
                "SentTimestamp": letter.at.as_millisecond().to_string(), "ApproximateReceiveCount": "1",
            },
            "MessageAttributes": {
                "RequestID": {"DataType": "String", "StringValue": "4f0c"},
                "ErrorCode": {"DataType": "Number", "StringValue": "200"},
                "ErrorMessage": {"DataType": "String", "StringValue": letter.why},
            },
        })
    };
    let letters = stage(world, text(input, "QueueUrl")).map(|stage| stage.letters.as_slice()).unwrap_or_default();
    let messages = letters.iter().take(usize::try_from(most).unwrap_or(1)).map(message);
    json!({"Messages": messages.collect::<Vec<_>>()})
}

/// The index by type, and nothing of the tables' own keys.
fn events(world: &World, input: &Value) -> Value {
    let values = &input["ExpressionAttributeValues"];
    let value = |name: &str| values[name]["S"].as_str().unwrap_or_default();
    let limit = input["Limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(1_000);
    let items = world.events(value(":type"), value(":after"), limit);
    json!({"Items": items, "Count": items.len(), "ConsumedCapacity": {"CapacityUnits": 0.5}})
}

fn function(world: &World, path: &str) -> Value {
    let reserved = stage(world, path).map_or(0, |stage| stage.reserved);
    json!({
        "Configuration": {"State": "Active", "LastUpdateStatus": "Successful"},
        "Concurrency": {"ReservedConcurrentExecutions": reserved},
    })
}

fn rule(world: &World, input: &Value) -> Value {
    let enabled = stage(world, text(input, "Name")).is_none_or(|stage| stage.rule_enabled);
    json!({"Name": text(input, "Name"), "State": if enabled { "ENABLED" } else { "DISABLED" }})
}

fn service_graph(world: &World) -> Value {
    let service = |id: usize, name: &str, kind: &str, seconds: f64| {
        let histogram = json!([{"Value": seconds, "Count": 95}, {"Value": seconds * 4.0, "Count": 5}]);
        let edges = if kind == "AWS::DynamoDB" { json!([]) } else { json!([{"ReferenceId": 9}]) };
        let statistics = json!({
            "TotalCount": 100, "FaultStatistics": {"TotalCount": 0}, "ErrorStatistics": {"ThrottleCount": 0},
        });
        json!({
            "ReferenceId": id, "Name": name, "Type": kind, "Edges": edges, "SummaryStatistics": statistics,
            "ResponseTimeHistogram": histogram,
        })
    };
    let functions = world.stages.keys().enumerate();
    let functions =
        functions.map(|(id, stage)| service(id, &format!("lambda-{stage}-dev"), "AWS::Lambda::Function", 0.041));
    let services: Vec<Value> = functions.chain([service(9, "DynamoDB", "AWS::DynamoDB", 0.0044)]).collect();
    json!({"Services": services, "StartTime": seconds(Timestamp::now()), "EndTime": seconds(Timestamp::now())})
}
