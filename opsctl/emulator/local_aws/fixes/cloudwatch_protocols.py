"""MiniStack 1.5.33 answers CloudWatch's query protocol by hand, leaving members out, and CBOR only by luck.

DescribeAlarms over XML omits period, statistic, dimensions, actions and more, so that every alarm drifts on
Terraform's second plan; PutMetricAlarm over it drops InsufficientDataActions; ListMetrics ignores its dimension
filter; without the cbor2 package, which it does not depend on, every request of a current SDK is misread. AWS answers
the same members in all three formats (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/). Here one
reader and one writer, driven by the service model, stand in front of the handlers.
"""

import json
import re
from collections.abc import Callable

from ministack.services import cloudwatch

from local_aws import cloudwatch_wire as wire_format
from local_aws.cloudwatch_wire import ServiceError
from local_aws.options import Options
from local_aws.patching import replace

handlers: dict[str, Callable[[dict], dict]] = {}
"""Operations that other fixes answer themselves: request parameters to response members, or a ServiceError."""

_OPERATION = re.compile(r"/operation/([^/?]+)")


def install(_options: Options) -> None:
    replace(cloudwatch, "handle_request", handle_request)


async def handle_request(method: str, path: str, headers: dict, body: bytes, query_params: dict):
    content, target = headers.get("content-type", ""), headers.get("x-amz-target", "")
    if "cbor" in content or "cbor" in headers.get("smithy-protocol", ""):
        wire = "cbor"
    else:
        wire = "json" if "json" in content or target else "query"
    found = _OPERATION.search(path)
    operation = target.split(".")[-1] or (found.group(1) if found else "") or _action(body, query_params)
    if operation not in wire_format.operations():
        return wire_format.write_error(ServiceError("InvalidAction", f"Unknown action: {operation}"), wire)
    try:
        data = wire_format.read(operation, wire, body, query_params)
        answer = handlers[operation](data) if operation in handlers else _upstream(operation, data)
    except ServiceError as error:
        return wire_format.write_error(error, wire)
    return wire_format.write(operation, wire, answer)


def _action(body: bytes, query_params: dict) -> str:
    form = wire_format.parse_qs(body.decode("utf-8", "replace"))
    return (form.get("Action") or query_params.get("Action") or [""])[0]


def _upstream(operation: str, data: dict) -> dict:
    """Ask MiniStack's own handler, by way of its JSON form."""
    name = "_" + re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
    handler = getattr(cloudwatch, name, None)
    if handler is None:
        raise ServiceError("InvalidAction", f"{operation} is not emulated")
    status, _, body = handler({}, data, False, True)
    answer = json.loads(body or b"{}")
    if status >= 400:
        raise ServiceError(answer.get("__type", "InternalFailure"), answer.get("message", ""), status)
    return answer
