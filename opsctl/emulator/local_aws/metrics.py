"""Recording the metrics that AWS services publish of themselves."""

import time

from ministack.services import cloudwatch


def record(namespace: str, name: str, value: float, unit: str = "Count", **dimensions: str) -> None:
    """Publish one value at this moment in the current scope."""
    store(namespace, name, dimensions, value, 1.0, unit, time.time())


def store(namespace: str, name: str, dimensions: dict[str, str], value: float, count: float, unit: str, at: float) -> None:
    """Keep a value seen ``count`` times at a moment (epoch seconds).

    Equal values of the same second become one point with a count, so a busy counter stays small.
    """
    points = cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(dimensions)))
    if points:
        last = points[-1]
        if last["Value"] == value and "_stat" not in last and int(last["Timestamp"]) == int(at) and last["Unit"] == unit:
            last["Count"] = last.get("Count", 1.0) + count
            return
    points.append({"Timestamp": at, "Value": float(value), "Unit": unit, "Dimensions": dimensions, "Count": count})
