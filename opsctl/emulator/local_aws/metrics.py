"""Recording the metrics that AWS services publish of themselves."""

import time

from ministack.services import cloudwatch


def record(namespace: str, name: str, value: float, unit: str = "Count", **dimensions: str) -> None:
    """Publish one value at this moment in the current scope.

    Equal values of the same second become one point with a count, so a busy counter stays small.
    """
    now = time.time()
    points = cloudwatch._metric_bucket((namespace, name, cloudwatch._dims_key(dimensions)))
    if points:
        last = points[-1]
        if last["Value"] == value and "_stat" not in last and int(last["Timestamp"]) == int(now):
            last["Count"] = last.get("Count", 1.0) + 1.0
            return
    points.append({"Timestamp": now, "Value": float(value), "Unit": unit, "Dimensions": dimensions})
