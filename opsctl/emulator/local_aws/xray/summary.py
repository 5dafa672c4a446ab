"""What GetTraceSummaries says of a trace. https://docs.aws.amazon.com/xray/latest/api/API_TraceSummary.html"""

import time

from local_aws.xray.store import Trace

ACCOUNT = "000000000000"


def walk(segments: list[dict]):
    """Every segment and subsegment, with the segment it belongs to."""
    for segment in segments:
        stack = [segment]
        while stack:
            node = stack.pop()
            yield node, segment
            stack += node.get("subsegments", ())


def end_of(node: dict) -> float:
    return node.get("end_time", node["start_time"])


def service_id(segment: dict) -> dict:
    kind = segment.get("origin")
    identity = {"Name": segment["name"], "Names": [segment["name"]], "AccountId": ACCOUNT}
    return {**identity, "Type": kind} if kind else identity


def root_of(segments: list[dict]) -> dict:
    """The segment nothing in the trace caused, the earliest of several."""
    ids = {node["id"] for node, _ in walk(segments) if "id" in node}
    roots = [segment for segment in segments if segment.get("parent_id") not in ids]
    return min(roots or segments, key=lambda segment: segment["start_time"])


def summarize(trace: Trace) -> dict:
    """The summary in the API's own form."""
    segments = trace.segments()
    root = root_of(segments)
    annotations: dict[str, list] = {}
    for node, segment in walk(segments):
        for key, value in (node.get("annotations") or {}).items():
            entries = annotations.setdefault(key, [])
            wrapped = _annotation_value(value)
            same = next((entry for entry in entries if entry["AnnotationValue"] == wrapped), None)
            if same is None:
                entries.append({"AnnotationValue": wrapped, "ServiceIds": [service_id(segment)]})
            elif service_id(segment) not in same["ServiceIds"]:
                same["ServiceIds"].append(service_id(segment))
    services = []
    for segment in segments:
        if service_id(segment) not in services:
            services.append(service_id(segment))
    request, response = ((root.get("http") or {}).get(key) or {} for key in ("request", "response"))
    http = {"HttpURL": request.get("url"), "HttpMethod": request.get("method"), "HttpStatus": response.get("status"),
            "UserAgent": request.get("user_agent"), "ClientIp": request.get("client_ip")}
    started = min(segment["start_time"] for segment in segments)
    return {
        "Id": trace.id,
        "StartTime": started,
        "Duration": max(end_of(segment) for segment in segments) - started,
        "ResponseTime": end_of(root) - root["start_time"],
        "HasFault": any(segment.get("fault") for segment in segments),
        "HasError": any(segment.get("error") for segment in segments),
        "HasThrottle": any(segment.get("throttle") for segment in segments),
        "IsPartial": any(segment.get("in_progress") for segment in segments),
        "Http": {key: value for key, value in http.items() if value is not None},
        "Annotations": annotations,
        "Users": [{"UserName": segment["user"], "ServiceIds": [service_id(segment)]} for segment in segments
                  if segment.get("user")],
        "ServiceIds": services,
        "ResourceARNs": [{"ARN": arn} for arn in sorted({segment["resource_arn"] for segment in segments
                                                         if segment.get("resource_arn")})],
        "EntryPoint": service_id(root),
        "Revision": len(trace.documents),
        "MatchedEventTime": time.time(),
    }


def _annotation_value(value: object) -> dict:
    if isinstance(value, bool):
        return {"BooleanValue": value}
    return {"NumberValue": value} if isinstance(value, (int, float)) else {"StringValue": str(value)}
