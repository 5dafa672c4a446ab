"""MiniStack 1.5.33 forgets an alarm's Metrics, so metric-math alarms are stored as alarms on nothing.

It also invents a Statistic where none was given and drops InsufficientDataActions on the way in. AWS keeps what was
put and answers it (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html); an
update leaves the state as it is; the history has an entry for each configuration change.
"""

import json
import time

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch

from local_aws.cloudwatch_wire import ServiceError
from local_aws.fixes import cloudwatch_protocols
from local_aws.options import Options

_KEPT = (
    "AlarmName", "AlarmDescription", "MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period",
    "EvaluationPeriods", "DatapointsToAlarm", "Threshold", "ThresholdMetricId", "ComparisonOperator", "Unit", "Metrics",
    "EvaluateLowSampleCountPercentile",
)
_STATE = ("StateValue", "StateReason", "StateReasonData", "StateUpdatedTimestamp", "StateTransitionedTimestamp")


def install(_options: Options) -> None:
    cloudwatch_protocols.handlers["PutMetricAlarm"] = put_metric_alarm


def put_metric_alarm(data: dict) -> dict:
    name = data.get("AlarmName")
    if not name or not data.get("EvaluationPeriods") or not data.get("ComparisonOperator"):
        raise ServiceError("ValidationError", "AlarmName, EvaluationPeriods and ComparisonOperator must be given.")
    if bool(data.get("MetricName")) == bool(data.get("Metrics")):
        raise ServiceError("ValidationError", "Exactly one of MetricName and Metrics must be given.")
    points = data.get("DatapointsToAlarm")
    if points is not None and not 1 <= points <= data["EvaluationPeriods"]:
        raise ServiceError("ValidationError", "DatapointsToAlarm must be between 1 and EvaluationPeriods.")
    before = cloudwatch._alarms.get(name)
    now = time.time()
    alarm = {key: data[key] for key in _KEPT if data.get(key) not in (None, "")}
    for query in alarm.get("Metrics", ()):
        query.setdefault("ReturnData", True)
    alarm.update({
        "AlarmArn": f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{name}",
        "TreatMissingData": data.get("TreatMissingData") or "missing",
        "ActionsEnabled": data.get("ActionsEnabled") is not False,
        "AlarmConfigurationUpdatedTimestamp": now,
        "Dimensions": data.get("Dimensions") or [],
        **{key: data.get(key) or [] for key in ("AlarmActions", "OKActions", "InsufficientDataActions")},
    })
    if before is None:
        alarm.update(StateValue="INSUFFICIENT_DATA", StateReason="Unchecked: Initial alarm creation",
                     StateUpdatedTimestamp=now, StateTransitionedTimestamp=now)
        if data.get("Tags"):
            cloudwatch._resource_tags[alarm["AlarmArn"]] = {tag["Key"]: tag["Value"] for tag in data["Tags"]}
    else:
        alarm.update({key: before[key] for key in _STATE if key in before})
    cloudwatch._alarms[name] = alarm
    record(name, "ConfigurationUpdate", f'Alarm "{name}" {"updated" if before else "created"}',
           {"version": "1.0", "type": "Update" if before else "Create"})
    return {}


def record(alarm: str, kind: str, summary: str, data: dict) -> None:
    """Add to the alarm history, which keeps its newest few thousand entries."""
    entries = cloudwatch._history_entries()
    entries.append({"AlarmName": alarm, "AlarmType": "MetricAlarm", "Timestamp": cloudwatch._ts_iso(time.time()),
                    "HistoryItemType": kind, "HistorySummary": summary, "HistoryData": json.dumps(data)})
    del entries[:-5000]
