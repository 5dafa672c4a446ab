"""MiniStack 1.5.33 does not read metrics embedded in log lines.

AWS extracts them from what reaches CloudWatch Logs
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html):
each dimension set of each directive makes a metric of its own; a value is a number, a list of numbers, or values with
counts; a line that does not follow the specification is just a line.
"""

import json
import logging
import time

from local_aws import metrics
from local_aws.fixes import function_logs
from local_aws.options import Options

logger = logging.getLogger("local_aws.emf")


def install(_options: Options) -> None:
    function_logs.line_readers.append(read_line)


def read_line(text: str) -> None:
    if not text.startswith("{") or '"_aws"' not in text:
        return
    try:
        record = json.loads(text)
        about = record["_aws"]
        at = about.get("Timestamp", time.time() * 1000) / 1000
        for directive in about["CloudWatchMetrics"]:
            _publish(record, directive, at)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        logger.warning("embedded metrics not extracted: %r in %.200s", error, text)


def _publish(record: dict, directive: dict, at: float) -> None:
    for names in directive.get("Dimensions") or [[]]:
        dimensions = {name: str(record[name]) for name in names}
        for metric in directive["Metrics"]:
            if metric["Name"] not in record:
                continue
            value = record[metric["Name"]]
            values, counts = [value], None
            if isinstance(value, dict):
                values, counts = value["Values"], value.get("Counts")
            elif isinstance(value, list):
                values = value
            for each, count in zip(values, counts or [1] * len(values)):
                metrics.store(directive["Namespace"], metric["Name"], dimensions, float(each), float(count),
                              metric.get("Unit", "None"), at)
