"""MiniStack 1.5.33 invokes functions for rules without permission and ignores a target's dead letter queue.

AWS (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html, .../eb-use-resource-based.html): the
function's resource policy must let events.amazonaws.com invoke it for the rule's ARN. What is not retriable, such as a
missing permission or a deleted function, goes to the target's own dead letter queue at once, with six attributes, if
that queue's policy lets EventBridge send; otherwise it is gone. An error inside the function is none of EventBridge's
business. Without transformer the function receives the publisher's detail to the byte: MiniStack's own re-encoding
turns 40000.10 into 40000.1. Metrics are those of a custom bus, by EventBusName and RuleName.
"""

import json

from ministack.services import eventbridge, lambda_svc, sqs

from local_aws import deliver, invocation, metrics
from local_aws.fixes import async_invocation
from local_aws.iam import policy_allows_service
from local_aws.options import Options
from local_aws.patching import replace

SERVICE = "events.amazonaws.com"
_upstream_target = None


def install(_options: Options) -> None:
    global _upstream_target
    _upstream_target = replace(eventbridge, "_invoke_target", _invoke_target)
    replace(eventbridge, "_dispatch_event", _dispatch_event)


def _dimensions(rule: dict) -> dict[str, str]:
    bus = rule.get("EventBusName", "default")
    names = {"RuleName": rule.get("Name", "")}
    return names if bus == "default" else {"EventBusName": bus, **names}


def _dispatch_event(event: dict, view=None) -> None:
    """As upstream's, plus the metrics of rules and the rules a replay is restricted to."""
    bus = event.get("EventBusName", "default")
    path = set(event.get("_DispatchPath") or [])
    only = event.get("_OnlyRules")
    view = view or eventbridge._pattern_event_view(event)
    for key, rule in list(eventbridge._rules.items()):
        if rule.get("EventBusName", "default") != bus or key in path or rule.get("State") != "ENABLED":
            continue
        if not rule.get("EventPattern") or (only and rule.get("Arn") not in only):
            continue
        if eventbridge._matches_pattern_view(rule["EventPattern"], view, f"rule {key}"):
            for name in ("MatchedEvents", "TriggeredRules"):
                metrics.record("AWS/Events", name, 1, **_dimensions(rule))
            for target in eventbridge._targets.get(key, []):
                eventbridge._invoke_target(target, event, rule, view)


def _invoke_target(target: dict, event: dict, rule: dict, view=None) -> None:
    arn = target.get("Arn", "")
    view = view or eventbridge._pattern_event_view(event)
    transformed = any(target.get(key) for key in ("Input", "InputPath", "InputTransformer"))
    if not arn.startswith("arn:aws:lambda:") or transformed:
        metrics.record("AWS/Events", "Invocations", 1, **_dimensions(rule))
        _upstream_target(target, event, rule, view)
        return
    payload = envelope(view)
    problem = _problem(arn, rule)
    if problem is None:
        metrics.record("AWS/Events", "Invocations", 1, **_dimensions(rule))
        _, config, _ = lambda_svc._get_func_record_for_ref(arn)
        trace = None if event.get("ReplayName") else invocation.incoming_trace.get()
        async_invocation.accept(arn, config, payload, trace)
        return
    metrics.record("AWS/Events", "FailedInvocations", 1, **_dimensions(rule))
    queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
    if queue_arn:
        sent = _to_dead_letters(queue_arn, target, rule, payload, *problem)
        metrics.record("AWS/Events", "InvocationsSentToDlq" if sent else "InvocationsFailedToBeSentToDlq", 1,
                       **_dimensions(rule))


def envelope(view) -> str:
    """The event as a target gets it, the detail spliced in as the publisher wrote it."""
    head = json.dumps(view.envelope(), separators=(",", ":"), ensure_ascii=False)
    detail = view._raw_detail
    try:
        json.loads(detail)
    except (TypeError, ValueError):
        detail = json.dumps(view.event_with_detail()["detail"])
    return f'{head[:-1]},"detail":{detail}}}'


def _problem(function_arn: str, rule: dict) -> tuple[str, str] | None:
    """Why the target cannot be invoked, as error code and message; None when it can."""
    record, config, name = lambda_svc._get_func_record_for_ref(function_arn)
    if record is None:
        return "RESOURCE_NOT_FOUND", f"Function not found: {function_arn}"
    base = lambda_svc._functions.get(name) or record
    if not policy_allows_service(base.get("policy"), SERVICE, "lambda:InvokeFunction", function_arn, rule.get("Arn", "")):
        return "NO_PERMISSIONS", f"User: {SERVICE} is not authorized to perform: lambda:InvokeFunction on resource: {function_arn}"
    return None


def _to_dead_letters(queue_arn: str, target: dict, rule: dict, payload: str, code: str, message: str) -> bool:
    queue = sqs._queue_by_arn(queue_arn)
    if queue is None:
        return False
    policy = queue["attributes"].get("Policy")
    if not policy_allows_service(policy, SERVICE, "sqs:SendMessage", queue_arn, rule.get("Arn", "")):
        return False
    attributes = {
        "RULE_ARN": deliver.text(rule.get("Arn", "")),
        "TARGET_ARN": deliver.text(target.get("Arn", "")),
        "ERROR_CODE": deliver.text(code),
        "ERROR_MESSAGE": deliver.text(message),
        "EXHAUSTED_RETRY_CONDITION": deliver.text("None"),
        "RETRY_ATTEMPTS": deliver.number(0),
    }
    return deliver.to_queue(queue_arn, payload, attributes)
