"""MiniStack 1.5.33 ignores JSON filter patterns, never pages FilterLogEvents, and gives events no id.

A pattern in braces matches everything there. AWS matches the fields
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html), takes logStreamNamePrefix,
answers at most ``limit`` events and a nextToken, and every event has an eventId, which a tail needs to tell what it has
seen (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html).
"""

import base64
import hashlib
import heapq

from ministack.core import responses
from ministack.services import cloudwatch_logs as logs

from local_aws.log_patterns import BadPattern, compile_pattern
from local_aws.options import Options
from local_aws.patching import replace

_LIMIT = 10_000


def install(_options: Options) -> None:
    upstream = logs._compile_filter_pattern

    def compiled(raw: str):
        return compile_pattern(raw) if (raw or "").strip().startswith("{") else upstream(raw)

    replace(logs, "_compile_filter_pattern", compiled)
    replace(logs, "_filter_log_events", filter_log_events)


def filter_log_events(data: dict):
    group = logs._resolve_log_group_name(data)
    if group not in logs._log_groups:
        return responses.error_response_json(
            "ResourceNotFoundException", "The specified log group does not exist.", 400)
    try:
        matches = logs._compile_filter_pattern(data.get("filterPattern") or "")
    except (BadPattern, KeyError, ValueError) as error:
        return responses.error_response_json("InvalidParameterException", f"Invalid filter pattern: {error}", 400)
    start, end = data.get("startTime") or 0, data.get("endTime") or float("inf")
    skip = int(base64.b64decode(data["nextToken"])) if data.get("nextToken") else 0
    limit = min(data.get("limit") or _LIMIT, _LIMIT)
    streams = logs._log_groups[group]["streams"]
    names = data.get("logStreamNames") or [
        name for name in list(streams) if name.startswith(data.get("logStreamNamePrefix") or "")]
    found = []
    with logs._log_events_lock:
        ranges = [_events(streams[name]["events"], name, start, end) for name in names if name in streams]
        merged = heapq.merge(*ranges, key=lambda entry: entry[0]["timestamp"])
        for event, name, number in merged:
            if matches(event["message"]):
                if skip:
                    skip -= 1
                    continue
                found.append({**event, "logStreamName": name, "eventId": _id(name, number)})
                if len(found) > limit:
                    break
    answer = {"events": found[:limit], "searchedLogStreams": []}
    if len(found) > limit:
        before = int(base64.b64decode(data["nextToken"])) if data.get("nextToken") else 0
        answer["nextToken"] = base64.b64encode(str(before + limit).encode()).decode()
    return responses.json_response(answer)


def _events(events: list[dict], name: str, start: float, end: float):
    for number, event in enumerate(events):
        if start <= event["timestamp"] <= end:
            yield event, name, number


def _id(stream: str, number: int) -> str:
    """The same for the same event each time: streams are only appended to."""
    return f"{int(hashlib.sha256(stream.encode()).hexdigest()[:32], 16):040d}{number:016d}"[-56:]
