"""The X-Ray operations. https://docs.aws.amazon.com/xray/latest/api/API_Operations.html"""

import base64
import json

from local_aws.xray.filters import BadFilter, compile_filter
from local_aws.xray.graph import service_graph
from local_aws.xray.store import STORE, BadSegment, parse
from local_aws.xray.summary import end_of, summarize

PAGE = 100
"""Summaries or services in an answer."""
_GRAPH_HOURS, _SUMMARY_HOURS = 6, 24


class BadRequest(ValueError):
    """InvalidRequestException."""


async def handle_request(method: str, path: str, headers: dict, body: bytes, query: dict):
    operation = _OPERATIONS.get(path.rstrip("/")) if method == "POST" else None
    try:
        if operation is None:
            raise BadRequest(f"{method} {path} is not emulated")
        answer, status = operation(json.loads(body or b"{}")), 200
    except (BadRequest, BadFilter, KeyError, TypeError, ValueError) as error:
        answer, status = {"__type": "InvalidRequestException", "Message": str(error)}, 400
    content = {"Content-Type": "application/json"}
    if status != 200:
        content["x-amzn-ErrorType"] = "InvalidRequestException"
    return status, content, json.dumps(answer).encode()


def put_trace_segments(data: dict) -> dict:
    refused = []
    for text in data.get("TraceSegmentDocuments", []):
        document = {}
        try:
            document = parse(text)
            STORE.put(document)
        except BadSegment as error:
            refused.append({"Id": document.get("id"), "ErrorCode": "ParseError", "Message": str(error)})
    return {"UnprocessedTraceSegments": refused}


def get_trace_summaries(data: dict) -> dict:
    start, end = _range(data, _SUMMARY_HOURS)
    matches = compile_filter(data.get("FilterExpression") or "")
    traces = STORE.between(start, end, by_event=data.get("TimeRangeType") in ("Event", "Service"))
    found = [trace for trace in traces if matches(trace)]
    page, token = _page(found, data.get("NextToken"))
    answer = {"TraceSummaries": [summarize(trace) for trace in page], "TracesProcessedCount": len(traces),
              "ApproximateTime": end}
    return {**answer, "NextToken": token} if token else answer


def batch_get_traces(data: dict) -> dict:
    ids = data["TraceIds"]
    if len(ids) > 5:
        raise BadRequest("at most five trace ids")
    found = [trace for trace in map(STORE.get, ids) if trace is not None]
    known = {trace.id for trace in found}
    return {"Traces": [_whole(trace) for trace in found], "UnprocessedTraceIds": [each for each in ids if each not in known]}


def _whole(trace) -> dict:
    segments = trace.segments()
    started = min(segment["start_time"] for segment in segments)
    return {"Id": trace.id, "Duration": max(end_of(segment) for segment in segments) - started, "LimitExceeded": False,
            "Segments": [{"Id": segment["id"], "Document": json.dumps(segment)} for segment in segments]}


def get_service_graph(data: dict) -> dict:
    start, end = _range(data, _GRAPH_HOURS)
    services = service_graph(STORE.between(start, end, by_event=True))
    page, token = _page(services, data.get("NextToken"))
    answer = {"StartTime": start, "EndTime": end, "Services": page, "ContainsOldGroupVersions": False}
    return {**answer, "NextToken": token} if token else answer


def get_trace_graph(data: dict) -> dict:
    traces = [trace for trace in map(STORE.get, data["TraceIds"]) if trace is not None]
    return {"Services": service_graph(traces)}


def _range(data: dict, hours: int) -> tuple[float, float]:
    start, end = float(data["StartTime"]), float(data["EndTime"])
    if not start < end <= start + hours * 3600:
        raise BadRequest(f"the time range must be positive and at most {hours} hours")
    return start, end


def _page(items: list, token: str | None) -> tuple[list, str | None]:
    first = int(base64.b64decode(token)) if token else 0
    page = items[first:first + PAGE]
    more = base64.b64encode(str(first + PAGE).encode()).decode() if first + PAGE < len(items) else None
    return page, more


_OPERATIONS = {
    "/TraceSegments": put_trace_segments,
    "/TelemetryRecords": lambda data: {},
    "/TraceSummaries": get_trace_summaries,
    "/Traces": batch_get_traces,
    "/ServiceGraph": get_service_graph,
    "/TraceGraph": get_trace_graph,
}
