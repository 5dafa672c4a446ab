"""Asynchronous invocation: retries, throttles, dead letters."""

import json

import pytest

from tests.cloud import arn, unique, until

FAILS = "def handle(event, context):\n    print('attempt', context['Lambda-Runtime-Aws-Request-Id'])\n    raise ValueError('no ' * 600)\n"
SLOW = "import time\ndef handle(event, context):\n    time.sleep(0.2)\n    print('done', event['n'])\n"


def failing(cloud, *statements, code=FAILS, **settings):
    url, queue = cloud.queue()
    role = cloud.role(*[(action, queue) for action in statements])
    return cloud.function(code, role=role, DeadLetterConfig={"TargetArn": queue}, **settings), url


def test_error_is_retried_twice_then_lands_in_the_dead_letter_queue_as_sent(cloud):
    function, url = failing(cloud, "sqs:SendMessage")
    sent = '{"price": 40000.10,  "text": "\\u00e9"}'
    cloud.invoke_async(function, sent)
    (message,) = until(lambda: cloud.messages(url))
    assert message["Body"] == sent
    attributes = message["MessageAttributes"]
    assert attributes["ErrorCode"] == {"StringValue": "200", "DataType": "Number"}
    assert attributes["ErrorMessage"]["StringValue"] == ("no " * 600)[:1024]
    attempts = [line.split()[1] for line in cloud.logs(function) if line.startswith("attempt")]
    assert attempts == [attributes["RequestID"]["StringValue"]] * 3


@pytest.mark.parametrize("retries", [0, 1])
def test_maximum_retry_attempts_is_honoured(cloud, retries):
    function, url = failing(cloud, "sqs:SendMessage", retries=retries)
    cloud.invoke_async(function, {})
    until(lambda: cloud.messages(url))
    assert cloud.metric("AWS/Lambda", "Invocations", FunctionName=function) == retries + 1
    assert cloud.metric("AWS/Lambda", "Errors", FunctionName=function) == retries + 1
    assert cloud.metric("AWS/Lambda", "AsyncEventsDropped", FunctionName=function) == 1


def test_time_out_ends_the_invocation_and_counts_as_an_error(cloud):
    function, url = failing(cloud, "sqs:SendMessage", retries=0, Timeout=1,
                            code="import time\ndef handle(event, context):\n    time.sleep(60)\n")
    cloud.invoke_async(function, {})
    (message,) = until(lambda: cloud.messages(url))
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"].endswith("Task timed out after 1.00 seconds")
    assert cloud.metric("AWS/Lambda", "Errors", FunctionName=function) == 1
    assert cloud.metric("AWS/Lambda", "Duration", "Maximum", FunctionName=function) < 3000


def test_throttled_events_wait_and_are_not_counted_as_attempts(cloud):
    function = cloud.function(SLOW, reserved=1, retries=0)
    for n in range(8):
        cloud.invoke_async(function, {"n": n})
    lines = until(lambda: len(done := [x for x in cloud.logs(function) if x.startswith("done")]) == 8 and done)
    assert sorted(lines) == [f"done {n}" for n in range(8)]
    assert cloud.metric("AWS/Lambda", "Throttles", FunctionName=function) >= 1
    assert cloud.metric("AWS/Lambda", "ConcurrentExecutions", "Maximum", FunctionName=function) == 1
    assert cloud.metric("AWS/Lambda", "Invocations", FunctionName=function) == 8
    assert cloud.metric("AWS/Lambda", "AsyncEventsReceived", FunctionName=function) == 8
    assert cloud.metric("AWS/Lambda", "AsyncEventAge", "Maximum", FunctionName=function) > 500
    assert not cloud.metric("AWS/Lambda", "AsyncEventsDropped", FunctionName=function)


def test_throttled_event_is_given_up_at_its_maximum_age(cloud):
    function, url = failing(cloud, "sqs:SendMessage", code=SLOW.replace("0.2", "4"), reserved=1)
    # AWS's smallest age is 60 s; the emulator takes what the client would not send.
    cloud.client("lambda", parameter_validation=False).put_function_event_invoke_config(
        FunctionName=function, MaximumEventAgeInSeconds=1)
    for n in range(2):
        cloud.invoke_async(function, {"n": n})
    (message,) = until(lambda: cloud.messages(url))
    assert message["MessageAttributes"]["ErrorCode"]["StringValue"] == "429"


def test_reserved_concurrency_zero_sends_new_events_to_the_dead_letter_queue_untried(cloud):
    function, url = failing(cloud, "sqs:SendMessage", reserved=0)
    cloud.invoke_async(function, {"n": 1})
    (message,) = until(lambda: cloud.messages(url))
    assert json.loads(message["Body"]) == {"n": 1}
    assert not cloud.metric("AWS/Lambda", "Invocations", FunctionName=function)


def test_dead_letter_without_permission_is_gone_and_counted(cloud):
    function, url = failing(cloud, retries=0)
    cloud.invoke_async(function, {})
    until(lambda: cloud.metric("AWS/Lambda", "DeadLetterErrors", FunctionName=function))
    assert cloud.messages(url) == []


def test_sns_invokes_a_function_asynchronously_with_retries(cloud):
    topic = cloud.sns.create_topic(Name=unique("topic"))["TopicArn"]
    function, url = failing(cloud, "sqs:SendMessage", retries=1)
    cloud.sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn("lambda", f"function:{function}"))
    cloud.sns.publish(TopicArn=topic, Message="hello")
    (message,) = until(lambda: cloud.messages(url))
    assert json.loads(message["Body"])["Records"][0]["Sns"]["Message"] == "hello"
    assert cloud.metric("AWS/Lambda", "Invocations", FunctionName=function) == 2
