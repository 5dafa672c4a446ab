"""Rules and their targets: permission, dead letters, the bytes that arrive, metrics."""

import json

from tests.cloud import arn, until

ECHO = "def handle(event, context):\n    print('got', context['raw'])\n"
PATTERN = {"source": ["test"]}


def got(cloud, function):
    return [line[4:] for line in cloud.logs(function) if line.startswith("got ")]


def test_event_arrives_with_the_detail_as_it_was_published(cloud):
    bus, function = cloud.bus(), cloud.function(ECHO)
    cloud.rule(bus, function, PATTERN)
    detail = '{"price": 40000.10, "sequence": 12345678901234567890, "note": "é"}'
    event_id = cloud.send(bus, detail, TraceHeader="Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    (raw,) = until(lambda: got(cloud, function))
    assert f'"detail":{detail}' in raw
    event = json.loads(raw)
    assert event["id"] == event_id and event["detail-type"] == "T" and event["source"] == "test"
    assert set(event) == {"version", "id", "source", "account", "time", "region", "resources", "detail-type", "detail"}


def test_entry_time_becomes_the_event_time(cloud):
    bus, function = cloud.bus(), cloud.function(ECHO)
    cloud.rule(bus, function, PATTERN)
    cloud.send(bus, {}, Time=1610064000)
    (raw,) = until(lambda: got(cloud, function))
    assert json.loads(raw)["time"] == "2021-01-08T00:00:00Z"


def test_malformed_entries_fail_alone(cloud):
    bus = cloud.bus()
    entry = {"EventBusName": bus, "Source": "test", "DetailType": "T", "Detail": "{}"}
    answer = cloud.events.put_events(Entries=[entry, {**entry, "Detail": "not json"}, {**entry, "Source": ""}])
    assert answer["FailedEntryCount"] == 2
    assert [each.get("ErrorCode") for each in answer["Entries"]] == [None, "MalformedDetail", "InvalidArgument"]


def test_rule_without_permission_sends_the_event_to_the_targets_own_queue(cloud):
    bus, function = cloud.bus(), cloud.function(ECHO)
    url, queue = cloud.queue(policy_for="events.amazonaws.com")
    rule = cloud.rule(bus, function, PATTERN, permit=False, DeadLetterConfig={"Arn": queue})
    cloud.send(bus, {"n": 1})
    (message,) = until(lambda: cloud.messages(url))
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert attributes["RULE_ARN"] == arn("events", f"rule/{bus}/{rule}")
    assert attributes["TARGET_ARN"] == arn("lambda", f"function:{function}")
    assert set(attributes) == {"RULE_ARN", "TARGET_ARN", "ERROR_CODE", "ERROR_MESSAGE", "EXHAUSTED_RETRY_CONDITION",
                               "RETRY_ATTEMPTS"}
    assert got(cloud, function) == []
    dimensions = {"EventBusName": bus, "RuleName": rule}
    assert cloud.metric("AWS/Events", "FailedInvocations", **dimensions) == 1
    assert cloud.metric("AWS/Events", "InvocationsSentToDlq", **dimensions) == 1


def test_permission_for_another_rule_does_not_count(cloud):
    bus, function = cloud.bus(), cloud.function(ECHO)
    url, queue = cloud.queue(policy_for="events.amazonaws.com")
    cloud.rule(bus, function, PATTERN, permit=False, DeadLetterConfig={"Arn": queue})
    cloud.functions.add_permission(FunctionName=function, StatementId="s", Action="lambda:InvokeFunction",
                                   Principal="events.amazonaws.com", SourceArn=arn("events", f"rule/{bus}/other"))
    cloud.send(bus)
    until(lambda: cloud.messages(url))


def test_deleted_function_sends_the_event_to_the_targets_own_queue(cloud):
    bus, function = cloud.bus(), cloud.function(ECHO)
    url, queue = cloud.queue(policy_for="events.amazonaws.com")
    cloud.rule(bus, function, PATTERN, DeadLetterConfig={"Arn": queue})
    cloud.functions.delete_function(FunctionName=function)
    cloud.send(bus)
    (message,) = until(lambda: cloud.messages(url))
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "RESOURCE_NOT_FOUND"


def test_queue_whose_policy_does_not_admit_eventbridge_gets_nothing(cloud):
    bus, function = cloud.bus(), cloud.function(ECHO)
    url, queue = cloud.queue()
    rule = cloud.rule(bus, function, PATTERN, permit=False, DeadLetterConfig={"Arn": queue})
    cloud.send(bus)
    dimensions = {"EventBusName": bus, "RuleName": rule}
    until(lambda: cloud.metric("AWS/Events", "InvocationsFailedToBeSentToDlq", **dimensions))
    assert cloud.messages(url) == []


def test_matched_events_and_invocations_are_counted_by_rule(cloud):
    bus, function = cloud.bus(), cloud.function(ECHO)
    rule = cloud.rule(bus, function, PATTERN)
    for _ in range(3):
        cloud.send(bus)
    cloud.send(bus, Source="other")
    dimensions = {"EventBusName": bus, "RuleName": rule}
    for metric in ("MatchedEvents", "TriggeredRules", "Invocations"):
        assert cloud.metric("AWS/Events", metric, **dimensions) == 3
