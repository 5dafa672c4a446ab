"""MiniStack 1.5.33 counts only what comes through Invoke, changes the request id on a retry, re-encodes the event.

AWS publishes Invocations, Errors, Throttles, Duration and ConcurrentExecutions for every invocation, whoever made it
(https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html): a throttled request counts as neither an
invocation nor an error. A retry keeps its request id, and the function receives the bytes that were sent.
"""

import json
import time

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local_aws import invocation, metrics
from local_aws.environment import Environment, Result
from local_aws.invocation import Invocation
from local_aws.options import Options
from local_aws.patching import replace

observers = []
"""Called with (config, invocation, result) after each invocation of a custom runtime; logs and traces come from here."""

trace_headers = []
"""Called with (config, invocation) before it; the last one's answer is the trace header the function is given."""


def install(_options: Options) -> None:
    replace(lambda_svc, "_execute_function", execute)
    replace(lambda_svc, "_emit_lambda_metrics", lambda *args, **kwargs: None)
    upstream = lambda_svc.handle_request

    async def handle_request(method, path, headers, body, query_params):
        is_invoke = method == "POST" and path.rstrip("/").endswith("/invocations")
        token = invocation.incoming_body.set((body or b"{}") if is_invoke else None)
        try:
            return await upstream(method, path, headers, body, query_params)
        finally:
            invocation.incoming_body.reset(token)

    replace(lambda_svc, "handle_request", handle_request)


def execute(func: dict, event: object) -> dict:
    """Run one attempt of an invocation and answer as MiniStack's executors do."""
    config = func.get("config") or func
    if lambda_svc._function_config_scope_mismatch(config):
        return lambda_svc._run_with_function_config_scope(config, execute, func, event)
    name = config.get("FunctionName", "unknown")
    request = invocation.current.get()
    if request is None:
        body = invocation.incoming_body.get()
        request = Invocation(payload=body.decode() if body is not None else None,
                             trace_header=invocation.incoming_trace.get())
    slot, limit = lambda_svc._acquire_execution_slot(func, config)
    if slot is None:
        metrics.record("AWS/Lambda", "Throttles", 1, FunctionName=name)
        reason = ("ReservedFunctionConcurrentInvocationLimitExceeded" if limit == "function"
                  else "ConcurrentInvocationLimitExceeded")
        return lambda_svc._throttle_response(reason, "Rate Exceeded.")
    started = time.time()
    failed = True
    try:
        concurrent = lambda_svc.executions_in_flight()[1].get(slot, 1)
        result = _dispatch(func, config, event, request)
        failed = bool(result.get("error"))
        return result
    finally:
        lambda_svc._release_execution_slot(slot)
        metrics.record("AWS/Lambda", "Invocations", 1, FunctionName=name)
        metrics.record("AWS/Lambda", "Errors", int(failed), FunctionName=name)
        metrics.record("AWS/Lambda", "Throttles", 0, FunctionName=name)
        metrics.record("AWS/Lambda", "Duration", (time.time() - started) * 1000, "Milliseconds", FunctionName=name)
        metrics.record("AWS/Lambda", "ConcurrentExecutions", concurrent, FunctionName=name)


def _dispatch(func: dict, config: dict, event: object, request: Invocation) -> dict:
    code = func.get("code_zip")
    if not code or not str(config.get("Runtime", "")).startswith("provided"):
        return lambda_svc._execute_function_dispatch(func, config, event, request.request_id, time.time())
    lambda_svc._ensure_reaper_thread()
    environment, _ = lambda_runtime.acquire_worker(config["FunctionName"], config, code,
                                                   qualifier=config.get("Version", "$LATEST"))
    if not isinstance(environment, Environment):
        lambda_runtime.release_worker(environment)
        return lambda_svc._execute_function_dispatch(func, config, event, request.request_id, time.time())
    payload = request.payload if request.payload is not None else json.dumps(event)
    header = request.trace_header
    for decide in trace_headers:
        header = decide(config, request)
    try:
        result = environment.run(payload.encode(), request.request_id, header, config.get("FunctionArn", ""))
    finally:
        lambda_runtime.release_worker(environment)
    for observe in observers:
        observe(config, request, result, environment)
    return _answer(result)


def _answer(result: Result) -> dict:
    log = "\n".join(text for _, text in result.lines)
    if result.error:
        return {"body": result.error_payload, "error": True, "log": log}
    return {"body": result.body, "log": log}
