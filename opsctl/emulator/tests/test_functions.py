"""The functions' processes: environment, speed, logs, metrics of invocations."""

import json

from tests.cloud import arn, unique, until

ENV = "import os\ndef handle(event, context):\n    return dict(os.environ)\n"


def test_environment_is_the_functions_own(cloud):
    role = cloud.role()
    function = cloud.function(ENV, role=role, Environment={"Variables": {"PARAMETER_PREFIX": "/p"}}, MemorySize=256,
                              LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"})
    environment = cloud.invoke(function)
    assert "A_SECRET_OF_THE_USER" not in environment
    assert not {"HOME", "PYTHONPATH", "STATE_DIR", "AUTH", "GATEWAY_PORT"} & set(environment)
    assert environment["PARAMETER_PREFIX"] == "/p"
    assert environment["AWS_ENDPOINT_URL"] == cloud.endpoint
    assert environment["AWS_LAMBDA_LOG_LEVEL"] == "DEBUG"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert environment["AWS_XRAY_DAEMON_ADDRESS"].startswith("127.0.0.1:")
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA") and environment["AWS_SESSION_TOKEN"]


def test_lines_keep_their_own_times_in_one_stream_per_environment(cloud):
    code = "import time\ndef handle(event, context):\n    print('one', flush=True)\n    time.sleep(0.15)\n    print('two', flush=True)\n"
    function = cloud.function(code)
    for _ in range(2):
        cloud.invoke(function)
    events = cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    texts = [event["message"].split(" ")[0] for event in events]
    assert texts == ["START", "one", "two", "END", "REPORT"] * 2
    at = {event["message"]: event["timestamp"] for event in events}
    assert at["two"] - at["one"] >= 140
    assert len({event["logStreamName"] for event in events}) == 1
    assert len({event["eventId"] for event in events}) == len(events)
    assert "Init Duration" in events[4]["message"] and "Init Duration" not in events[9]["message"]


def test_json_format_has_platform_events(cloud):
    function = cloud.function("def handle(event, context):\n    print('{\"level\":\"INFO\"}')\n", LoggingConfig={"LogFormat": "JSON"})
    cloud.invoke(function)
    lines = [json.loads(line) for line in cloud.logs(function)]
    assert [line.get("type") for line in lines] == ["platform.start", None, "platform.report"]
    assert lines[2]["record"]["status"] == "success" and lines[2]["record"]["metrics"]["initDurationMs"] > 0


def test_logs_can_be_searched_by_field_and_paged(cloud):
    code = "def handle(event, context):\n    for n in range(5):\n        print('{\"level\":\"%s\",\"n\":%d,\"f\":{\"e\":\"x-%d\"}}' % (['INFO', 'ERROR'][n % 2], n, n))\n"
    function = cloud.function(code)
    cloud.invoke(function)

    def numbers(pattern):
        return [json.loads(line)["n"] for line in cloud.logs(function, filterPattern=pattern)]

    assert numbers('{ $.level = "ERROR" }') == [1, 3]
    assert numbers('{ ($.level = "INFO") && ($.n > 0) }') == [2, 4]
    assert numbers('{ $.f.e = "x-3" || $.n = 0 }') == [0, 3]
    assert numbers('{ $.f.e = "x-*" && $.level != "INFO" }') == [1, 3]
    first = cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}", limit=3)
    second = cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}", nextToken=first["nextToken"])
    assert len(first["events"]) == 3 and len(second["events"]) == 5


def test_without_log_permission_there_are_no_logs(cloud):
    role = cloud.role(basic=False)
    function = cloud.function("def handle(event, context):\n    print('seen')\n", role=role)
    cloud.client("logs").create_log_group(logGroupName=f"/aws/lambda/{function}")
    cloud.invoke(function)
    assert cloud.logs(function) == []
    cloud.allow(role, (["logs:CreateLogStream", "logs:PutLogEvents"], arn("logs", f"log-group:/aws/lambda/{function}:*")))
    cloud.invoke(function)
    assert "seen" in cloud.logs(function)
    cloud.allow(role, (["logs:CreateLogStream"], "*"))
    cloud.invoke(function)
    assert cloud.logs(function).count("seen") == 1


def test_embedded_metrics_become_metrics(cloud):
    namespace = unique("ns")
    code = f'''
import json, time
def handle(event, context):
    print(json.dumps({{"_aws": {{"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [{{
        "Namespace": "{namespace}", "Dimensions": [["stage"], []],
        "Metrics": [{{"Name": "received", "Unit": "Count"}}, {{"Name": "lag", "Unit": "Milliseconds"}}, {{"Name": "hist"}}]}}]}},
        "stage": "ingestion", "received": 2, "lag": [10, 30], "hist": {{"Values": [1, 5], "Counts": [3, 1]}}}}))
'''
    function = cloud.function(code)
    cloud.invoke(function)
    assert cloud.metric(namespace, "received", stage="ingestion") == 2
    assert cloud.metric(namespace, "lag", "Maximum", stage="ingestion") == 30
    assert cloud.metric(namespace, "hist", "SampleCount", stage="ingestion") == 4
    assert cloud.metric(namespace, "received") == 2
    assert cloud.metric(namespace, "received", stage="processing") is None


def test_synchronous_invocations_are_counted_and_throttled(cloud):
    function = cloud.function("def handle(event, context):\n    raise ValueError('no')\n", reserved=1)
    assert cloud.invoke(function)["errorMessage"] == "no"
    cloud.functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        cloud.invoke(function)
        raise AssertionError("not throttled")
    except cloud.functions.exceptions.TooManyRequestsException as error:
        assert error.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    for metric in ("Invocations", "Errors", "Throttles"):
        assert cloud.metric("AWS/Lambda", metric, FunctionName=function) == 1, metric


def test_a_crash_is_an_error_and_the_next_invocation_gets_a_new_environment(cloud):
    function = cloud.function("import os\ndef handle(event, context):\n    if event.get('die'): os._exit(3)\n    return os.getpid()\n")
    before = cloud.invoke(function)
    failure = cloud.invoke(function, {"die": True})
    assert failure["errorType"] == "Runtime.ExitError" and "exit status 3" in failure["errorMessage"]
    assert cloud.invoke(function) != before


def test_updated_configuration_reaches_the_next_invocation(cloud):
    function = cloud.function(ENV, Environment={"Variables": {"A": "1"}})
    assert cloud.invoke(function)["A"] == "1"
    cloud.functions.update_function_configuration(FunctionName=function, Environment={"Variables": {"A": "2"}})
    until(lambda: cloud.invoke(function)["A"] == "2")
