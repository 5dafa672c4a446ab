"""Traces: headers passed on, segments, and the API that reads them."""

import json
import re
import secrets
import time

import pytest

from tests.cloud import arn, unique, until

SHOW = "def handle(event, context):\n    print('trace', context.get('Lambda-Runtime-Trace-Id'))\n"
SEND = """
import json, os, socket, time
def handle(event, context):
    fields = dict(part.split('=') for part in context['Lambda-Runtime-Trace-Id'].split(';'))
    host, port = os.environ['AWS_XRAY_DAEMON_ADDRESS'].split(':')
    now = time.time()
    document = {'name': 'DynamoDB', 'id': '%016x' % time.time_ns(), 'trace_id': fields['Root'], 'parent_id': fields['Parent'],
                'type': 'subsegment', 'namespace': 'aws', 'start_time': now - 0.01, 'end_time': now,
                'aws': {'table_name': 'events'}, 'annotations': {'event_id': event['id']}}
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.sendto(b'{"format": "json", "version": 1}\\n' + json.dumps(document).encode(), (host, int(port)))
"""
ACTIVE = {"TracingConfig": {"Mode": "Active"}}
XRAY = (["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*")


def new_trace():
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def headers(cloud, function, count=1):
    return until(lambda: len(found := [line[6:] for line in cloud.logs(function) if line.startswith("trace ")]) >= count and found)


def segments(cloud, trace_id):
    traces = cloud.xray.batch_get_traces(TraceIds=[trace_id])["Traces"]
    return [json.loads(segment["Document"]) for trace in traces for segment in trace["Segments"]]


def summaries(cloud, expression=None, **more):
    now = time.time()
    filters = {"FilterExpression": expression} if expression else {}
    return cloud.xray.get_trace_summaries(StartTime=now - 600, EndTime=now + 1, **filters, **more)["TraceSummaries"]


@pytest.mark.parametrize("sampled", ["1", "0"])
def test_trace_header_of_an_entry_reaches_the_function(cloud, sampled):
    bus, function = cloud.bus(), cloud.function(SHOW, **ACTIVE, role=cloud.role(XRAY))
    cloud.rule(bus, function, {"source": ["test"]})
    root = new_trace()
    cloud.send(bus, TraceHeader=f"Root={root};Parent=53995c3f42cd8ad8;Sampled={sampled}")
    (seen,) = headers(cloud, function)
    assert seen.startswith(f"Root={root};Parent=") and seen.endswith(f"Sampled={sampled}")
    assert bool(segments(cloud, root)) == (sampled == "1")


def test_http_header_counts_where_the_entry_has_none(cloud):
    bus, function = cloud.bus(), cloud.function(SHOW, **ACTIVE)
    cloud.rule(bus, function, {"source": ["test"]})
    root, other = new_trace(), new_trace()
    client = cloud.client("events")
    client.meta.events.register("before-sign.events", lambda request, **_: request.headers.add_header(
        "X-Amzn-Trace-Id", f"Root={root};Parent=53995c3f42cd8ad8;Sampled=1"))
    entry = {"EventBusName": bus, "Source": "test", "DetailType": "T", "Detail": "{}"}
    client.put_events(Entries=[entry, {**entry, "TraceHeader": f"Root={other};Sampled=1"}])
    assert sorted(line.split(";")[0] for line in headers(cloud, function, 2)) == sorted([f"Root={root}", f"Root={other}"])


def test_active_tracing_starts_a_trace_and_passive_does_not(cloud):
    active, passive = cloud.function(SHOW, **ACTIVE), cloud.function(SHOW)
    for function in (active, passive):
        cloud.invoke_async(function, {})
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=1", headers(cloud, active)[0])
    assert headers(cloud, passive)[0].endswith("Sampled=0")


def test_lambda_writes_its_two_segments_for_each_attempt(cloud):
    function = cloud.function(SHOW + "    raise ValueError('no')\n", **ACTIVE, role=cloud.role(XRAY), retries=1)
    cloud.invoke_async(function, {})
    seen = headers(cloud, function, 2)
    roots = {line.split(";")[0][5:] for line in seen}
    assert len(roots) == 1
    found = until(lambda: len(s := segments(cloud, next(iter(roots)))) == 4 and s)
    services = [each for each in found if each["origin"] == "AWS::Lambda"]
    runs = [each for each in found if each["origin"] == "AWS::Lambda::Function"]
    assert {each["aws"]["attempt"] for each in services} == {1, 2}
    assert len({each["aws"]["request_id"] for each in services}) == 1
    assert {each["parent_id"] for each in runs} == {each["id"] for each in services}
    assert {line.split(";")[1][7:] for line in seen} == {each["id"] for each in runs}
    names = [[part["name"] for part in each["subsegments"]] for each in sorted(runs, key=lambda e: e["start_time"])]
    assert names == [["Initialization", "Invocation", "Overhead"], ["Invocation", "Overhead"]]
    assert all(each["fault"] and each["cause"]["exceptions"][0]["message"] == "no" for each in runs)


def test_subsegments_sent_to_the_daemon_belong_below_the_function(cloud):
    function, marker = cloud.function(SEND, **ACTIVE, role=cloud.role(XRAY)), unique("event")
    cloud.invoke_async(function, {"id": marker})
    (summary,) = until(lambda: summaries(cloud, f'annotation.event_id = "{marker}"'))
    assert summary["Annotations"]["event_id"][0]["AnnotationValue"] == {"StringValue": marker}
    (run,) = [each for each in segments(cloud, summary["Id"]) if each["origin"] == "AWS::Lambda::Function"]
    assert [part["name"] for part in run["subsegments"]][-1] == "DynamoDB"
    services = cloud.xray.get_trace_graph(TraceIds=[summary["Id"]])["Services"]
    assert {(each["Name"], each["Type"]) for each in services} == {
        ("client", "client"), (function, "AWS::Lambda"), (function, "AWS::Lambda::Function"), ("events", "AWS::DynamoDB::Table")}


@pytest.mark.parametrize("kept, stored, telemetry", [
    ("xray:PutTelemetryRecords", False, True), ("xray:PutTraceSegments", True, False)])
def test_daemon_acts_as_the_functions_role(cloud, kept, stored, telemetry):
    import urllib.request
    function = cloud.function(SEND, **ACTIVE, role=cloud.role((kept, "*")))
    marker = unique("event")
    cloud.invoke_async(function, {"id": marker})

    def tally():
        with urllib.request.urlopen(cloud.endpoint + "/_local_aws/status") as answer:
            return json.load(answer)["xray"]["functions"].get(function)

    until(tally)
    counts = until(lambda: sum(t := tally().values()) >= 2 and tally())
    assert counts == {"segments_stored" if stored else "segments_denied": 1,
                      "telemetry_sent" if telemetry else "telemetry_denied": 1}
    assert bool(summaries(cloud, f'annotation.event_id = "{marker}"')) == stored


def put(cloud, name, trace_id, **fields):
    now = time.time()
    document = {"name": name, "id": secrets.token_hex(8), "trace_id": trace_id, "start_time": now - 1, "end_time": now, **fields}
    if fields.get("in_progress"):
        del document["end_time"]
    assert cloud.xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])["UnprocessedTraceSegments"] == []
    return document


def test_a_completed_segment_replaces_the_one_in_progress(cloud):
    trace_id = new_trace()
    first = put(cloud, "svc", trace_id, in_progress=True)
    assert cloud.xray.batch_get_traces(TraceIds=[trace_id])["Traces"][0]["Segments"]
    put(cloud, "svc", trace_id, id=first["id"], start_time=first["start_time"])
    (only,) = segments(cloud, trace_id)
    assert "in_progress" not in only and only["end_time"]


def test_malformed_segments_are_named(cloud):
    answer = cloud.xray.put_trace_segments(TraceSegmentDocuments=['{"id": "x"}', "no"])
    assert [each["ErrorCode"] for each in answer["UnprocessedTraceSegments"]] == ["ParseError", "ParseError"]


def test_filter_expressions(cloud):
    name, slow = unique("svc"), unique("svc")
    fast_id, slow_id = new_trace(), new_trace()
    put(cloud, name, fast_id, annotations={"symbol": "BTCUSDT", "n": 3, "ok": True}, http={"response": {"status": 404}}, error=True)
    put(cloud, slow, slow_id, start_time=time.time() - 5, fault=True)

    def ids(expression):
        return {each["Id"] for each in summaries(cloud, expression)} & {fast_id, slow_id}

    assert ids(f'service("{name}")') == {fast_id}
    assert ids("responsetime > 3") == {slow_id} == ids("duration >= 3")
    assert ids('annotation.symbol = "BTCUSDT"') == {fast_id} == ids("annotation[n] < 4") == ids("annotation.ok = true")
    assert ids('annotation.symbol BEGINSWITH "BTC" AND http.status = 404') == {fast_id}
    assert ids(f'service("{slow}") {{ fault }}') == {slow_id}
    assert ids(f'service("{slow}") {{ error }} OR service(id(name: "{name}")) {{ error }}') == {fast_id}
    assert ids("!fault") == {fast_id}
    with pytest.raises(cloud.xray.exceptions.InvalidRequestException):
        summaries(cloud, "responsetime >")


def test_summaries_are_paged_and_restricted_to_their_time(cloud):
    name = unique("svc")
    for _ in range(105):
        put(cloud, name, new_trace())
    pages = list(cloud.xray.get_paginator("get_trace_summaries").paginate(
        StartTime=time.time() - 600, EndTime=time.time() + 1, FilterExpression=f'service("{name}")'))
    assert [len(page["TraceSummaries"]) for page in pages] == [100, 5]
    early = cloud.xray.get_trace_summaries(StartTime=time.time() - 900, EndTime=time.time() - 600)
    assert not any(each["EntryPoint"]["Name"] == name for each in early["TraceSummaries"])


def test_service_graph_has_histograms_and_edges(cloud):
    front, back, trace_id = unique("front"), unique("back"), new_trace()
    parent = put(cloud, front, trace_id, origin="AWS::Lambda::Function")
    put(cloud, back, trace_id, parent_id=parent["id"], fault=True)
    pages = cloud.xray.get_paginator("get_service_graph").paginate(StartTime=time.time() - 600, EndTime=time.time() + 1)
    services = {each["Name"]: each for page in pages for each in page["Services"]}
    assert services[front]["Root"] and services[front]["Type"] == "AWS::Lambda::Function"
    assert sum(bar["Count"] for bar in services[front]["ResponseTimeHistogram"]) == 1
    assert services[back]["SummaryStatistics"]["FaultStatistics"]["TotalCount"] == 1
    assert [edge["ReferenceId"] for edge in services[front]["Edges"]] == [services[back]["ReferenceId"]]
