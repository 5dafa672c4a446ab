"""MiniStack 1.5.33 looks at an alarm only when PutMetricData is called, ignoring dimensions, missing data and M of N.

AWS evaluates on its own, on exactly the alarm's dimensions, M out of N periods, and treats periods without data as
treat_missing_data says
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html); for metrics of DynamoDB
missing data is always ignored (API reference, PutMetricAlarm). Actions run on transitions if they are enabled, and a
topic takes them if its policy lets cloudwatch.amazonaws.com publish and it is not encrypted with the AWS managed key.

Here alarms are looked at every --alarm-interval seconds. The complete periods decide; the running one counts only
towards a breach upwards, which no further data can undo.
"""

import json
import logging
import operator
import threading
import time

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, sns

from local_aws import metric_math
from local_aws.fixes import alarm_definitions
from local_aws.options import Options
from local_aws.patching import replace
from local_aws.scope import scope

logger = logging.getLogger("local_aws.alarms")

_COMPARE = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}

before_evaluation = []
"""Called without arguments before each round: gauges that are only sampled take their sample here."""


def install(options: Options) -> None:
    replace(cloudwatch, "_evaluate_alarm", evaluate)
    replace(cloudwatch, "_evaluate_all_alarms", lambda: None)
    replace(cloudwatch, "_dispatch_alarm_actions", run_actions)

    def rounds() -> None:
        while True:
            time.sleep(options.alarm_interval)
            evaluate_all()

    threading.Thread(target=rounds, daemon=True, name="alarms").start()


def evaluate_all() -> None:
    for sample in before_evaluation:
        try:
            sample()
        except Exception:
            logger.exception("sampling failed")
    for (account, region, _), alarm in list(cloudwatch._alarms.all_items()):
        with scope(account, region):
            try:
                evaluate(alarm)
            except Exception:
                logger.exception("alarm %s could not be evaluated", alarm.get("AlarmName"))


def evaluate(alarm: dict) -> None:
    """Bring one alarm's state up to date."""
    if alarm.get("ComparisonOperator") not in _COMPARE or "Threshold" not in alarm:
        return
    try:
        period, values = _values(alarm)
    except metric_math.ExpressionError as error:
        _change(alarm, "INSUFFICIENT_DATA", f"Unchecked: {error}", {})
        return
    count = int(alarm["EvaluationPeriods"])
    running = int(time.time() // period) * period
    complete = [running - period * back for back in range(count, 0, -1)]
    verdict, times = _judge(alarm, [values.get(at) for at in complete]), complete
    if verdict != "ALARM" and running in values:
        with_running = [*complete[1:], running]
        early = _judge(alarm, [values.get(at) for at in with_running])
        upwards = alarm["ComparisonOperator"].startswith("Greater")
        nothing_else = not any(at in values for at in complete)
        if (early == "ALARM" and upwards) or (early != "ALARM" and nothing_else):
            verdict, times = early, with_running
    points = [(at, values[at]) for at in times if at in values]
    _change(alarm, verdict, _reason(alarm, verdict, points, count), _reason_data(alarm, period, points))


def _values(alarm: dict) -> tuple[int, metric_math.Series]:
    now = time.time()
    queries = alarm.get("Metrics")
    if not queries:
        period = int(alarm.get("Period", 60))
        stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
        start = (now // period - int(alarm["EvaluationPeriods"])) * period
        return period, metric_math.series(alarm, stat, period, start, now + period, alarm.get("Unit"))
    watched = next((query for query in queries if query.get("ReturnData", True)), queries[0])
    periods = [int(query.get("Period") or (query.get("MetricStat") or {}).get("Period") or 0) for query in queries]
    period = max(periods) or 60
    start = (now // period - int(alarm["EvaluationPeriods"])) * period
    return period, metric_math.resolve(queries, start, now + period)[watched["Id"]]


def _judge(alarm: dict, values: list[float | None]) -> str | None:
    """The state these periods mean; None to keep the one there is."""
    compare, _ = _COMPARE[alarm["ComparisonOperator"]]
    needed = int(alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"])
    breaching = sum(1 for value in values if value is not None and compare(value, alarm["Threshold"]))
    missing = sum(1 for value in values if value is None)
    treatment = "ignore" if alarm.get("Namespace") == "AWS/DynamoDB" else alarm.get("TreatMissingData", "missing")
    if treatment == "breaching":
        return "ALARM" if breaching + missing >= needed else "OK"
    if treatment == "ignore":
        if breaching >= needed:
            return "ALARM"
        return "OK" if breaching + missing < needed else None
    present = len(values) - missing
    if treatment == "missing" and present == 0:
        return "INSUFFICIENT_DATA"
    enough = min(needed, present) if treatment == "missing" else needed
    return "ALARM" if breaching >= enough else "OK"


def _reason(alarm: dict, state: str | None, points: list, count: int) -> str:
    if state == "INSUFFICIENT_DATA":
        return "Insufficient Data: no datapoints were received for the evaluated periods."
    _, words = _COMPARE[alarm["ComparisonOperator"]]
    compare = _COMPARE[alarm["ComparisonOperator"]][0]
    telling = [point for point in points if compare(point[1], alarm["Threshold"]) == (state == "ALARM")]
    if not telling:
        return (f"Threshold Crossed: no datapoints were received for {count} period{'s' if count > 1 else ''} and "
                f"{count} missing datapoint{'s were' if count > 1 else ' was'} treated as "
                f"[{'Breaching' if state == 'ALARM' else 'NonBreaching'}].")
    shown = ", ".join(f"{value} ({time.strftime('%d/%m/%y %H:%M:%S', time.gmtime(at))})" for at, value in telling)
    return (f"Threshold Crossed: {len(telling)} out of the last {count} datapoints [{shown}] "
            f"{'was' if len(telling) == 1 else 'were'} {'' if state == 'ALARM' else 'not '}{words} the threshold "
            f"({float(alarm['Threshold'])}).")


def _reason_data(alarm: dict, period: int, points: list) -> dict:
    data = {"version": "1.0", "queryDate": cloudwatch._ts_iso(time.time()), "period": period,
            "recentDatapoints": [value for _, value in points], "threshold": float(alarm["Threshold"])}
    if points:
        data["startDate"] = cloudwatch._ts_iso(points[0][0])
    if alarm.get("Statistic"):
        data["statistic"] = alarm["Statistic"]
    return data


def _change(alarm: dict, state: str | None, reason: str, data: dict) -> None:
    old = alarm["StateValue"]
    if state is None or state == old:
        return
    now = time.time()
    alarm.update(StateValue=state, StateReason=reason, StateReasonData=json.dumps(data), StateUpdatedTimestamp=now,
                 StateTransitionedTimestamp=now)
    alarm_definitions.record(alarm["AlarmName"], "StateUpdate", f"Alarm updated from {old} to {state}", {
        "version": "1.0", "oldState": {"stateValue": old},
        "newState": {"stateValue": state, "stateReason": reason, "stateReasonData": data}})
    run_actions(alarm, old, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def run_actions(alarm: dict, old: str, state: str, reason: str) -> None:
    """Publish a transition to the topics that are meant to hear of it."""
    field = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}[state]
    if not alarm.get("ActionsEnabled", True):
        return
    message = json.dumps({
        "AlarmName": alarm["AlarmName"], "AlarmDescription": alarm.get("AlarmDescription"),
        "AWSAccountId": get_account_id(), "AlarmConfigurationUpdatedTimestamp":
            cloudwatch._ts_iso(alarm.get("AlarmConfigurationUpdatedTimestamp", time.time())),
        "NewStateValue": state, "NewStateReason": reason, "StateChangeTime": cloudwatch._ts_iso(time.time()),
        "Region": get_region(), "AlarmArn": alarm["AlarmArn"], "OldStateValue": old,
        "OKActions": alarm.get("OKActions", []), "AlarmActions": alarm.get("AlarmActions", []),
        "InsufficientDataActions": alarm.get("InsufficientDataActions", []),
        "Trigger": {key: alarm.get(key) for key in (
            "MetricName", "Namespace", "Statistic", "Unit", "Dimensions", "Period", "EvaluationPeriods",
            "DatapointsToAlarm", "ComparisonOperator", "Threshold", "TreatMissingData", "Metrics") if alarm.get(key) is not None},
    })
    subject = f'{state}: "{alarm["AlarmName"]}" in {get_region()}'[:100]
    for action in alarm.get(field) or []:
        if not action.startswith("arn:aws:sns:"):
            continue
        problem = _topic_problem(action, alarm["AlarmArn"])
        if problem is None:
            sns.publish_internal(action, message, subject)
        outcome = "Successfully executed" if problem is None else "Failed to execute"
        alarm_definitions.record(alarm["AlarmName"], "Action", f"{outcome} action {action}", {
            "actionState": "Succeeded" if problem is None else "Failed", "stateUpdateTimestamp": int(time.time() * 1000),
            "notificationResource": action, "error": problem})


def _topic_problem(topic_arn: str, alarm_arn: str) -> str | None:
    topic = sns._topic_by_arn_any_scope(topic_arn)
    if topic is None:
        return f"Resource: {topic_arn} not found"
    if (topic.get("attributes") or {}).get("KmsMasterKeyId") == "alias/aws/sns":
        return "CloudWatch Alarms does not have authorization to access the SNS topic encryption key."
    if not sns.topic_policy_allows(topic_arn, "cloudwatch.amazonaws.com", alarm_arn, get_account_id()):
        return f"CloudWatch Alarms is not authorized to perform: SNS:Publish on resource: {topic_arn}"
    return None
