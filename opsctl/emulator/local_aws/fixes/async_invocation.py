"""MiniStack 1.5.33 loses throttled events, has no retries for EventBridge targets, and writes dead letters wrongly.

Its EventBridge targets are invoked once, in a thread, and a throttle ends them (941 of 2,000 events arrived); its
Invoke with type Event retries throttles as if they were errors, with a new request id each time; its dead letter is a
destination record without attributes. AWS
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html, .../invocation-async-retain-records.html):
throttled events go back to the queue until maximum_event_age, errors and time-outs are tried again
maximum_retry_attempts times, then the dead letter queue gets the event as it was sent with the attributes RequestID,
ErrorCode and ErrorMessage, delivered with the execution role's permission; what cannot be delivered is counted in
DeadLetterErrors and gone. With a reserved concurrency of 0 new events go to the dead letter queue untried.
"""

import json
import time

from ministack.services import lambda_svc, sns

from local_aws import deliver, invocation, metrics
from local_aws.async_queue import THROTTLE_BASE, THROTTLE_MAX, UNRESERVED_POLLERS, Again, AsyncQueue, Job
from local_aws.iam import role_allows
from local_aws.invocation import Invocation
from local_aws.options import Options
from local_aws.patching import replace
from local_aws.xray.header import at_entry

_retry_delays: tuple[float, ...] = ()


def install(options: Options) -> None:
    global _retry_delays
    _retry_delays = options.retry_delays
    replace(lambda_svc, "invoke_async_with_retry", _accept_record)
    replace(sns, "_deliver_to_lambda", _from_sns)


def shut_down() -> None:
    queue.stop()


def accept(function_arn: str, config: dict, payload: str, trace_header: str | None) -> str:
    """Take an event for a function and answer its request id."""
    name = config.get("FunctionName", "unknown")
    job = Job(function_arn, payload, Invocation().request_id, at_entry(config, trace_header))
    metrics.record("AWS/Lambda", "AsyncEventsReceived", 1, FunctionName=name)
    record, _, _ = lambda_svc._get_func_record_for_ref(function_arn)
    if record is not None and _reserved(record, config) == 0:
        _give_up(job, record, config, 429, "Rate Exceeded.")
    else:
        queue.put(job)
    return job.request_id


def _accept_record(func: dict, event: object) -> None:
    """What MiniStack's Invoke and its event sources call."""
    config = func.get("config") or func
    body = invocation.incoming_body.get()
    payload = body.decode() if body is not None else json.dumps(event)
    accept(config["FunctionArn"], config, payload, invocation.incoming_trace.get())


def _from_sns(endpoint: str, envelope: str, topic_arn: str, subscription_arn: str, *_rest: object) -> None:
    record, config, _ = lambda_svc._get_func_record_for_ref(endpoint)
    if record is not None:
        event = {"Records": [{"EventVersion": "1.0", "EventSubscriptionArn": subscription_arn, "EventSource": "aws:sns",
                              "Sns": json.loads(envelope)}]}
        accept(endpoint, config, json.dumps(event), None)


def _reserved(record: dict, config: dict) -> int | None:
    """Reserved concurrency belongs to the function, whatever version or alias is addressed."""
    base = lambda_svc._functions.get(config.get("FunctionName")) or record
    return lambda_svc._reserved_concurrency(base, config)


def _pollers(job: Job) -> int:
    record, config, _ = lambda_svc._get_func_record_for_ref_in_scope(
        job.function_arn, account_id=job.function_arn.split(":")[4], region=job.function_arn.split(":")[3])
    reserved = _reserved(record, config) if record is not None else None
    # One more than there is room for, so a function that is kept busy sees throttles, as it does on AWS.
    return UNRESERVED_POLLERS if reserved is None else min(reserved + 1, 64)


def _attempt(job: Job) -> Again | None:
    record, config, name = lambda_svc._get_func_record_for_ref(job.function_arn)
    if record is None:
        metrics.record("AWS/Lambda", "AsyncEventsDropped", 1, FunctionName=name)
        return None
    settings = _settings(record, job.function_arn)
    maximum_age = float(settings.get("MaximumEventAgeInSeconds") or 21600)
    retries = settings.get("MaximumRetryAttempts")
    age = time.time() - job.accepted_at
    if job.failures + job.throttles and age > maximum_age:
        _give_up(job, record, config, 429 if job.throttles else 200, "Event age exceeded.")
        return None
    exec_record = lambda_svc._execution_record_for_config(record, {**config, "FunctionArn": job.function_arn})
    request = Invocation(job.request_id, job.payload, job.trace_header, job.failures + 1, job.accepted_at)
    token = invocation.current.set(request)
    try:
        result = lambda_svc._execute_function(exec_record, json.loads(job.payload))
    finally:
        invocation.current.reset(token)
    if queue.stopped:
        # Cut short by the emulator's end: the job is kept as it was, this attempt never happened.
        return None
    if result.get("throttle"):
        job.throttles += 1
        return Again(min(THROTTLE_BASE * 2 ** (job.throttles - 1), THROTTLE_MAX), throttled=True)
    metrics.record("AWS/Lambda", "AsyncEventAge", age * 1000, "Milliseconds", FunctionName=name)
    if not result.get("error"):
        return None
    job.failures += 1
    delay = _retry_delays[min(job.failures, len(_retry_delays)) - 1]
    if job.failures <= (2 if retries is None else int(retries)) and age + delay <= maximum_age:
        return Again(delay)
    body = result.get("body")
    message = body.get("errorMessage", "") if isinstance(body, dict) else body
    _give_up(job, record, config, 200, str(message or ""), result, settings)
    return None


def _settings(record: dict, function_arn: str) -> dict:
    """The event invoke configuration of the qualifier the event was addressed to."""
    _, qualifier = lambda_svc._resolve_name_and_qualifier(function_arn)
    base, _, _ = lambda_svc._get_base_func_record_for_ref(function_arn)
    return lambda_svc._event_invoke_config(base or record, qualifier) or {}


def _give_up(job: Job, record: dict, config: dict, code: int, message: str, result: dict | None = None,
             settings: dict | None = None) -> None:
    name = config.get("FunctionName", "unknown")
    settings = _settings(record, job.function_arn) if settings is None else settings
    destination = ((settings.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
    if destination:
        failure = result or {"body": {"errorMessage": message}, "error": True}
        lambda_svc._route_async_failure(destination, name, json.loads(job.payload), failure)
    target = (config.get("DeadLetterConfig") or {}).get("TargetArn")
    if target and not _to_dead_letters(target, config.get("Role", ""), job, code, message):
        metrics.record("AWS/Lambda", "DeadLetterErrors", 1, FunctionName=name)
    metrics.record("AWS/Lambda", "AsyncEventsDropped", 1, FunctionName=name)


def _to_dead_letters(target: str, role: str, job: Job, code: int, message: str) -> bool:
    attributes = {
        "RequestID": deliver.text(job.request_id),
        "ErrorCode": deliver.number(code),
        "ErrorMessage": deliver.text(message.encode()[:1024].decode(errors="ignore") or " "),
    }
    service = target.split(":")[2]
    if service == "sqs":
        return role_allows(role, "sqs:SendMessage", target) and deliver.to_queue(target, job.payload, attributes)
    return (service == "sns" and role_allows(role, "sns:Publish", target)
            and sns.publish_internal(target, job.payload, message_attributes=attributes) is not None)


queue = AsyncQueue(_attempt, _pollers)
"""Every event that is not through yet."""
