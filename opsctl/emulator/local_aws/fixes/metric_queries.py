"""MiniStack 1.5.33 refuses metric math in GetMetricData and mixes up metrics that differ in dimensions only.

A query without dimensions there answers for all dimension sets together, and data comes oldest first. AWS
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html): each combination of
dimensions is a metric of its own, results come newest first unless asked otherwise, expressions are computed. MiniStack
also walks every stored point on every request to drop old ones; here that happens every ten minutes.
"""

import threading
import time

from ministack.services import cloudwatch

from local_aws import metric_math
from local_aws.cloudwatch_wire import ServiceError
from local_aws.fixes import cloudwatch_protocols
from local_aws.options import Options

_STATISTICS = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
_EVICT_SECONDS = 600


def install(_options: Options) -> None:
    cloudwatch_protocols.handlers.update(GetMetricData=get_metric_data, GetMetricStatistics=get_metric_statistics)
    threading.Thread(target=_evict, daemon=True, name="metric-eviction").start()


def _range(data: dict) -> tuple[float, float]:
    start, end = cloudwatch._parse_ts(data.get("StartTime")), cloudwatch._parse_ts(data.get("EndTime"))
    if start is None or end is None or start >= end:
        raise ServiceError("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
    return start, end


def get_metric_data(data: dict) -> dict:
    start, end = _range(data)
    queries = data.get("MetricDataQueries") or []
    try:
        found = metric_math.resolve(queries, start, end)
    except metric_math.ExpressionError as error:
        raise ServiceError("ValidationError", str(error)) from error
    results = []
    for query in queries:
        if query.get("ReturnData") is False:
            continue
        points = sorted(found[query["Id"]].items(), reverse=data.get("ScanBy") != "TimestampAscending")
        metric = (query.get("MetricStat") or {}).get("Metric") or {}
        results.append({
            "Id": query["Id"], "Label": query.get("Label") or metric.get("MetricName") or query["Id"],
            "StatusCode": "Complete", "Timestamps": [at for at, _ in points], "Values": [value for _, value in points],
        })
    return {"MetricDataResults": results}


def get_metric_statistics(data: dict) -> dict:
    start, end = _range(data)
    period = int(data.get("Period") or 60)
    basic, extended = data.get("Statistics") or [], data.get("ExtendedStatistics") or []
    if not basic and not extended:
        raise ServiceError("InvalidParameterCombination", "Statistics or ExtendedStatistics must be given.")
    if unknown := set(basic) - set(_STATISTICS):
        raise ServiceError("ValidationError", f"unknown statistics {sorted(unknown)}")
    unit = data.get("Unit")
    points: dict[int, dict] = {}
    for stat in (*basic, *extended):
        for at, value in metric_math.series(data, stat, period, start, end, unit).items():
            point = points.setdefault(at, {"Timestamp": at, "Unit": unit or _unit(data)})
            (point if stat in basic else point.setdefault("ExtendedStatistics", {}))[stat] = value
    return {"Label": data.get("MetricName"), "Datapoints": [points[at] for at in sorted(points)]}


def _unit(data: dict) -> str:
    key = (data.get("Namespace"), data.get("MetricName"),
           cloudwatch._dims_key(cloudwatch._dims_from_list(data.get("Dimensions") or [])))
    return next((point.get("Unit", "None") for point in cloudwatch._metrics.get(key) or ()), "None")


def _evict() -> None:
    while True:
        time.sleep(_EVICT_SECONDS)
        cutoff = time.time() - cloudwatch.TWO_WEEKS_SECONDS
        for key, points in list(cloudwatch._metrics._data.items()):
            if points and points[0]["Timestamp"] < cutoff:
                points[:] = [point for point in points if point["Timestamp"] >= cutoff]
