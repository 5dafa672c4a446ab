"""MiniStack 1.5.33 has no X-Ray: no API, no daemon, and no segments of Lambda's own.

AWS: the API at https://docs.aws.amazon.com/xray/latest/api/; the daemon's address in AWS_XRAY_DAEMON_ADDRESS; and for
a function with active tracing two segments an attempt, AWS::Lambda for the service and AWS::Lambda::Function for the
function's run, the latter written with the role's xray:PutTraceSegments
(https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html). An incoming decision to sample or not is kept.
"""

from ministack import app
from ministack.core import iam_actions

from local_aws.environment import Environment, Result
from local_aws.fixes import execution
from local_aws.iam import role_allows
from local_aws.invocation import Invocation
from local_aws.options import Options
from local_aws.xray import api, header
from local_aws.xray.header import TraceHeader, new_id
from local_aws.xray.store import STORE


def install(_options: Options) -> None:
    app.SERVICE_HANDLERS["xray"] = api.handle_request
    iam_actions.SERVICE_TO_IAM_NAMESPACE["xray"] = "xray"
    iam_actions._BOTOCORE_SERVICE_MAP["xray"] = ["xray"]
    execution.trace_headers.append(decide)
    execution.observers.append(write)


def decide(config: dict, request: Invocation) -> str | None:
    """The header the function is given."""
    incoming = TraceHeader.parse(header.at_entry(config, request.trace_header))
    if (config.get("TracingConfig") or {}).get("Mode") != "Active":
        return str(incoming or TraceHeader.start(sampled=False))
    if incoming.sampled is False:
        return str(incoming)
    service, function = new_id(), new_id()
    request.segments = (incoming, service, function)
    return str(TraceHeader(incoming.root, function, True))


def write(config: dict, request: Invocation, result: Result, _environment: Environment) -> None:
    """Put Lambda's segments of an invocation that is over."""
    if request.segments is None:
        return
    incoming, service, function = request.segments
    name, arn = config["FunctionName"], ":".join(config["FunctionArn"].split(":")[:7])
    begun = result.init_started or result.started
    common = {"trace_id": incoming.root, "name": name, "end_time": result.ended}
    about = {"account_id": arn.split(":")[4], "function_arn": arn, "resource_names": [name]}
    problem = {"fault": True} if result.error else {}
    accepted = min(request.accepted_at, begun)
    outer = {
        **common, **problem, "id": service, "origin": "AWS::Lambda", "resource_arn": arn, "start_time": accepted,
        "http": {"response": {"status": 200}},
        "aws": {**about, "request_id": request.request_id, "attempt": request.attempt},
        "subsegments": [
            {"id": new_id(), "name": "Dwell Time", "start_time": accepted, "end_time": begun},
            {"id": new_id(), "name": f"Attempt #{request.attempt}", "start_time": begun, "end_time": result.ended, **problem},
        ],
    }
    if incoming.parent:
        outer["parent_id"] = incoming.parent
    STORE.put(outer)
    if not role_allows(config.get("Role", ""), "xray:PutTraceSegments", "*"):
        return
    parts = [{"id": new_id(), "name": "Invocation", "start_time": result.started, "end_time": result.ended, **problem},
             {"id": new_id(), "name": "Overhead", "start_time": result.ended, "end_time": result.ended}]
    if result.init_started is not None:
        parts.insert(0, {"id": new_id(), "name": "Initialization", "start_time": result.init_started,
                         "end_time": result.init_ended})
    inner = {**common, **problem, "id": function, "parent_id": service, "origin": "AWS::Lambda::Function",
             "resource_arn": arn, "start_time": begun, "aws": {**about, "request_id": request.request_id},
             "subsegments": parts}
    if result.error:
        inner["cause"] = {"exceptions": [{
            "id": new_id(), "type": result.error_payload.get("errorType", "Error"),
            "message": str(result.error_payload.get("errorMessage", ""))[:1024]}]}
    STORE.put(inner)
