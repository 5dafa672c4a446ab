"""MiniStack 1.5.33 writes each invocation's lines under one timestamp, a stream per invocation, whatever the role allows.

AWS (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html): one stream per execution environment,
lines stamped as they arrive, START, END and REPORT around them (or their JSON form, when the function logs JSON), all
written with the execution role's logs:CreateLogStream and logs:PutLogEvents, and not at all without them.
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html has the JSON forms.
"""

import json
import time

from ministack.services import cloudwatch_logs as logs

from local_aws.environment import Environment, Result
from local_aws.fixes import execution
from local_aws.iam import role_allows
from local_aws.invocation import Invocation
from local_aws.options import Options

Line = tuple[int, str]

line_readers = []
"""Called with each of the function's own lines that reached CloudWatch Logs."""


def install(_options: Options) -> None:
    execution.observers.append(write)


def write(config: dict, request: Invocation, result: Result, environment: Environment) -> None:
    """Store the log lines of one invocation."""
    settings = config.get("LoggingConfig") or {}
    group = settings.get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
    role, account = config.get("Role", ""), config["FunctionArn"].split(":")[4]
    resource = f"arn:aws:logs:{config['FunctionArn'].split(':')[3]}:{account}:log-group:{group}:log-stream:{environment.log_stream}"
    lines = platform_lines(config, request, result)
    stream = _stream(group, environment.log_stream, role, resource)
    if stream is None or not role_allows(role, "logs:PutLogEvents", resource):
        return
    now = int(time.time() * 1000)
    logs._append_log_events(stream, [{"timestamp": at, "message": text, "ingestionTime": now} for at, text in lines])
    for reader in line_readers:
        for _, text in result.lines:
            reader(text)


def _stream(group: str, name: str, role: str, resource: str) -> dict | None:
    record = logs._log_groups.get(group)
    if record is None:
        if not role_allows(role, "logs:CreateLogGroup", resource.split(":log-stream:")[0]):
            return None
        logs._create_log_group({"logGroupName": group})
        record = logs._log_groups[group]
    if name not in record["streams"]:
        if not role_allows(role, "logs:CreateLogStream", resource):
            return None
        logs._create_log_stream({"logGroupName": group, "logStreamName": name})
    return record["streams"][name]


def platform_lines(config: dict, request: Invocation, result: Result) -> list[Line]:
    """The function's lines between those that Lambda itself writes."""
    settings = config.get("LoggingConfig") or {}
    start, end = int(result.started * 1000), int(result.ended * 1000)
    if result.lines:
        # A line is stamped when it is read, which can be a moment after the answer.
        end = max(end, result.lines[-1][0])
    if settings.get("LogFormat") != "JSON":
        first, last = _text(config, request, result)
    elif settings.get("SystemLogLevel", "INFO") == "WARN":
        first, last = [], []
    else:
        first, last = _json(config, request, result)
    return [*((start, text) for text in first), *result.lines, *((end, text) for text in last)]


def _durations(config: dict, result: Result) -> tuple[float, float | None]:
    duration = (result.ended - result.started) * 1000
    init = None if result.init_started is None else (result.init_ended - result.init_started) * 1000
    return duration, init


def _text(config: dict, request: Invocation, result: Result) -> tuple[list[str], list[str]]:
    duration, init = _durations(config, result)
    report = (f"REPORT RequestId: {request.request_id}\tDuration: {duration:.2f} ms\tBilled Duration: "
              f"{-(-int(duration * 1000) // 1000)} ms\tMemory Size: {config.get('MemorySize', 128)} MB\tMax Memory Used: "
              f"{config.get('MemorySize', 128)} MB\t")
    if init is not None:
        report += f"Init Duration: {init:.2f} ms\t"
    return ([f"START RequestId: {request.request_id} Version: {config.get('Version', '$LATEST')}"],
            [f"END RequestId: {request.request_id}", report])


def _json(config: dict, request: Invocation, result: Result) -> tuple[list[str], list[str]]:
    duration, init = _durations(config, result)
    measures = {"durationMs": round(duration, 3), "billedDurationMs": -(-int(duration * 1000) // 1000),
                "memorySizeMB": config.get("MemorySize", 128), "maxMemoryUsedMB": config.get("MemorySize", 128)}
    if init is not None:
        measures["initDurationMs"] = round(init, 3)
    status = "timeout" if result.timed_out else "failure" if result.error else "success"
    records = [
        (result.started, "platform.start", {"requestId": request.request_id, "version": config.get("Version", "$LATEST")}),
        (result.ended, "platform.report", {"requestId": request.request_id, "metrics": measures, "status": status}),
    ]
    first, last = (json.dumps({"time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at * 1000) % 1000:03d}Z",
                               "type": kind, "record": record}) for at, kind, record in records)
    return [first], [last]
