"""MiniStack 1.5.33 drops the TraceHeader of PutEvents and the X-Amzn-Trace-Id header of every request.

AWS passes the entry's TraceHeader, or failing that the request's header, on to the targets of that entry as their
trace; the event itself does not carry it, and a replay has none
(https://docs.aws.amazon.com/xray/latest/devguide/xray-services-eventbridge.html). Invoke takes the request's header
(https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html).
"""

import json

from ministack.core import responses
from ministack.services import eventbridge, lambda_svc

from local_aws import invocation
from local_aws.options import Options
from local_aws.patching import replace


def install(_options: Options) -> None:
    _carry_requests(eventbridge)
    _carry_requests(lambda_svc)
    put_events = eventbridge._put_events

    def put_with_trace(data: dict, allow_aws_source: bool = False):
        entries = data.get("Entries") or []
        if len(entries) > 10 or not any(entry.get("TraceHeader") for entry in entries):
            return put_events(data, allow_aws_source)
        results, failed = [], 0
        for entry in entries:
            token = invocation.incoming_trace.set(entry.get("TraceHeader") or invocation.incoming_trace.get())
            try:
                answer = json.loads(put_events({"Entries": [entry]}, allow_aws_source)[2])
            finally:
                invocation.incoming_trace.reset(token)
            results += answer["Entries"]
            failed += answer["FailedEntryCount"]
        return responses.json_response({"FailedEntryCount": failed, "Entries": results})

    replace(eventbridge, "_put_events", put_with_trace)


def _carry_requests(service) -> None:
    """Keep the header of the request that is being handled where the invocation finds it."""
    handle = service.handle_request

    async def handle_request(method, path, headers, body, query_params):
        token = invocation.incoming_trace.set(headers.get("x-amzn-trace-id"))
        try:
            return await handle(method, path, headers, body, query_params)
        finally:
            invocation.incoming_trace.reset(token)

    replace(service, "handle_request", handle_request)
