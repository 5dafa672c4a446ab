"""Functions run as their role: each action they use is refused without permission, at once when it is taken away."""

import pytest

from tests.cloud import arn, unique, until

CALL = """
import json, os, sys
sys.path[:0] = PATHS
import botocore.session
from botocore.exceptions import ClientError
session = botocore.session.get_session()
clients = {}
def handle(event, context):
    service, operation, arguments = event
    if service not in clients:
        clients[service] = session.create_client(service, endpoint_url=os.environ['AWS_ENDPOINT_URL'])
    try:
        getattr(clients[service], operation)(**arguments)
        return 'allowed'
    except ClientError as error:
        return error.response['Error']['Code']
"""


@pytest.fixture(scope="module")
def actor(cloud):
    """A function that makes the call it is asked for, and its role."""
    import botocore
    site = [str(__import__("pathlib").Path(botocore.__file__).parents[1])]
    role = cloud.role()
    return cloud.function(CALL.replace("PATHS", repr(site)), role=role, Timeout=60), role


@pytest.fixture(scope="module")
def things(cloud):
    """Resources to call: a table with an index, two parameters, a bus, a topic, a queue."""
    table, bus, prefix = unique("table"), cloud.bus(), f"/{unique('p')}"
    cloud.dynamodb.create_table(
        TableName=table, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "symbol", "AttributeType": "S"}],
        GlobalSecondaryIndexes=[{"IndexName": "by-symbol", "KeySchema": [{"AttributeName": "symbol", "KeyType": "HASH"}],
                                 "Projection": {"ProjectionType": "ALL"}}])
    for name in ("a", "b"):
        cloud.ssm.put_parameter(Name=f"{prefix}/{name}", Type="String", Value="v")
    topic = cloud.sns.create_topic(Name=unique("topic"))["TopicArn"]
    url, queue = cloud.queue()
    return {"table": table, "bus": bus, "prefix": prefix, "topic": topic, "url": url, "queue": queue,
            "table_arn": arn("dynamodb", f"table/{table}"), "index_arn": arn("dynamodb", f"table/{table}/index/by-symbol"),
            "bus_arn": arn("events", f"event-bus/{bus}"), "a": arn("ssm", f"parameter{prefix}/a"),
            "b": arn("ssm", f"parameter{prefix}/b")}


KEY = {"id": {"S": "1"}}
QUERY = {"IndexName": "by-symbol", "KeyConditionExpression": "symbol = :s", "ExpressionAttributeValues": {":s": {"S": "x"}}}
CASES = [
    # action, resources that suffice, a resource that does not, and the call
    ("dynamodb:PutItem", ["table_arn"], "index_arn", ("dynamodb", "put_item", {"TableName": "table", "Item": KEY})),
    ("dynamodb:GetItem", ["table_arn"], "index_arn", ("dynamodb", "get_item", {"TableName": "table", "Key": KEY})),
    ("dynamodb:UpdateItem", ["table_arn"], "index_arn", ("dynamodb", "update_item", {"TableName": "table", "Key": KEY})),
    ("dynamodb:Query", ["index_arn"], "table_arn", ("dynamodb", "query", {"TableName": "table", **QUERY})),
    ("ssm:GetParameters", ["a", "b"], "a", ("ssm", "get_parameters", {"Names": ["prefix/a", "prefix/b"]})),
    ("events:PutEvents", ["bus_arn"], "topic", ("events", "put_events", {"Entries": [
        {"EventBusName": "bus", "Source": "s", "DetailType": "d", "Detail": "{}"}]})),
    ("sns:Publish", ["topic"], "bus_arn", ("sns", "publish", {"TopicArn": "topic", "Message": "m"})),
    ("sqs:SendMessage", ["queue"], "topic", ("sqs", "send_message", {"QueueUrl": "url", "MessageBody": "m"})),
    ("xray:PutTraceSegments", None, "topic", ("xray", "put_trace_segments", {"TraceSegmentDocuments": []})),
    ("xray:PutTelemetryRecords", None, "topic", ("xray", "put_telemetry_records", {"TelemetryRecords": []})),
]


def filled(value, things):
    if isinstance(value, dict):
        return {key: filled(item, things) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [filled(item, things) for item in value]
    head, slash, rest = value.partition("/")
    return f"{things[head]}{slash}{rest}" if head in things and value not in ("a", "b") else value


@pytest.mark.parametrize("action, enough, wrong, call", CASES, ids=[case[0] for case in CASES])
def test_action_is_enforced_on_its_resource(cloud, actor, things, action, enough, wrong, call):
    function, role = actor
    service, operation, arguments = call
    request = [service, operation, filled(arguments, things)]
    denied = {"AccessDeniedException", "AccessDenied", "AuthorizationError", "AuthorizationErrorException"}
    cloud.allow(role)
    assert cloud.invoke(function, request) in denied
    cloud.allow(role, (action, things[wrong]))
    assert cloud.invoke(function, request) in denied
    cloud.allow(role, (action, [things[name] for name in enough] if enough else "*"))
    assert cloud.invoke(function, request) == "allowed"
    cloud.allow(role, ("s3:GetObject", "*"))
    assert cloud.invoke(function, request) in denied


def test_root_may_read_a_topic_whose_policy_names_only_a_service(cloud, things):
    assert cloud.sns.get_topic_attributes(TopicArn=things["topic"])["Attributes"]
