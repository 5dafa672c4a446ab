"""The service graph. https://docs.aws.amazon.com/xray/latest/api/API_GetServiceGraph.html

A node for each service that sent segments, one for each resource that only shows as a call to it, one for the client;
edges carry the calls between them.
"""

from collections import defaultdict

from local_aws.xray.store import Trace
from local_aws.xray.summary import ACCOUNT, end_of, walk

_CLIENT = ("client", "client")
_AWS_TYPES = {"dynamodb": "AWS::DynamoDB::Table", "sqs": "AWS::SQS::Queue", "sns": "AWS::SNS", "events": "AWS::Events",
              "eventbridge": "AWS::Events", "ssm": "AWS::SSM"}
_RESOURCE_KEYS = ("table_name", "queue_url", "topic_arn")

Key = tuple[str, str]


class _Tally:
    """Calls seen at a node or along an edge."""

    def __init__(self) -> None:
        self.times: defaultdict[float, int] = defaultdict(int)
        self.total = self.ok = self.throttle = self.error = self.fault = 0
        self.seconds = 0.0
        self.start, self.end = float("inf"), 0.0

    def add(self, node: dict) -> None:
        seconds = end_of(node) - node["start_time"]
        self.times[round(seconds, 3)] += 1
        self.seconds += seconds
        self.total += 1
        self.throttle += bool(node.get("throttle"))
        self.error += bool(node.get("error")) and not node.get("throttle")
        self.fault += bool(node.get("fault"))
        self.ok += not (node.get("error") or node.get("fault") or node.get("throttle"))
        self.start, self.end = min(self.start, node["start_time"]), max(self.end, end_of(node))

    def statistics(self) -> dict:
        return {
            "OkCount": self.ok,
            "ErrorStatistics": {"ThrottleCount": self.throttle, "OtherCount": self.error, "TotalCount": self.throttle + self.error},
            "FaultStatistics": {"OtherCount": self.fault, "TotalCount": self.fault},
            "TotalCount": self.total,
            "TotalResponseTime": self.seconds,
        }

    def histogram(self) -> list[dict]:
        return [{"Value": value, "Count": count} for value, count in sorted(self.times.items())]


def service_graph(traces: list[Trace]) -> list[dict]:
    """The services of these traces in the API's own form."""
    nodes: defaultdict[Key, _Tally] = defaultdict(_Tally)
    edges: defaultdict[tuple[Key, Key], _Tally] = defaultdict(_Tally)
    for trace in traces:
        _add(trace, nodes, edges)
    ids = {key: number for number, key in enumerate(nodes)}
    services = []
    for (name, kind), tally in nodes.items():
        out = [(to, edge) for (origin, to), edge in edges.items() if origin == (name, kind)]
        service = {
            "ReferenceId": ids[name, kind], "Name": name, "Names": [name], "AccountId": ACCOUNT, "State": "active",
            "Root": not any(to == (name, kind) for (origin, to) in edges if origin != _CLIENT) and (name, kind) != _CLIENT,
            "StartTime": tally.start, "EndTime": tally.end, "SummaryStatistics": tally.statistics(),
            "ResponseTimeHistogram": tally.histogram(), "DurationHistogram": tally.histogram(),
            "Edges": [{"ReferenceId": ids[to], "StartTime": edge.start, "EndTime": edge.end, "Aliases": [],
                       "SummaryStatistics": edge.statistics(), "ResponseTimeHistogram": edge.histogram()}
                      for to, edge in out],
        }
        services.append({**service, "Type": kind} if kind else service)
    return services


def _add(trace: Trace, nodes: dict, edges: dict) -> None:
    segments = trace.segments()
    callers = {node["id"]: (node, segment) for node, segment in walk(segments) if "id" in node}
    called = {segment.get("parent_id") for segment in segments}
    for segment in segments:
        key = (segment["name"], segment.get("origin", ""))
        nodes[key].add(segment)
        caller = callers.get(segment.get("parent_id"))
        if caller is None:
            nodes[_CLIENT].add(segment)
            edges[_CLIENT, key].add(segment)
        else:
            edges[(caller[1]["name"], caller[1].get("origin", "")), key].add(segment)
    for node, segment in walk(segments):
        if node is segment or node.get("namespace") not in ("aws", "remote") or node.get("id") in called:
            continue
        key = _resource(node)
        nodes[key].add(node)
        edges[(segment["name"], segment.get("origin", "")), key].add(node)


def _resource(node: dict) -> Key:
    """Name and type of what a call went to."""
    if node["namespace"] == "remote":
        return node["name"], "remote"
    details = node.get("aws") or {}
    name = next((str(details[key]).rsplit("/", 1)[-1].rsplit(":", 1)[-1] for key in _RESOURCE_KEYS if details.get(key)), None)
    return name or node["name"], _AWS_TYPES.get(node["name"].lower(), f"AWS::{node['name']}")
