"""Metrics as series of values by period, and arithmetic on them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html, the part alarms and dashboards
of this project's kind use: + - * / ^, comparisons, AND and OR, IF, FILL, and the statistics functions.
"""

import ast
import operator
import re
from collections import defaultdict

from ministack.services import cloudwatch

Series = dict[int, float]
"""Value by the epoch second its period starts at."""


class ExpressionError(ValueError):
    """An expression that cannot be computed here; the message says why."""


def series(metric: dict, stat: str, period: int, start: float, end: float, unit: str | None = None) -> Series:
    """One statistic of one metric, exactly the dimensions given."""
    key = (metric.get("Namespace"), metric.get("MetricName"),
           cloudwatch._dims_key(cloudwatch._dims_from_list(metric.get("Dimensions") or [])))
    periods: dict[int, list] = defaultdict(list)
    for point in list(cloudwatch._metrics.get(key) or ()):
        if start <= point["Timestamp"] < end and unit in (None, point.get("Unit")):
            periods[int(point["Timestamp"] // period) * period].append(point)
    values = {}
    for at, points in periods.items():
        statistics = cloudwatch._calc_stats(points)
        if statistics and (value := cloudwatch._stat_value(statistics, stat, points)) is not None:
            values[at] = value
    return dict(sorted(values.items()))


def resolve(queries: list[dict], start: float, end: float) -> dict[str, Series]:
    """Every query of a GetMetricData request or of an alarm, by its id."""
    by_id = {query["Id"]: query for query in queries}
    done: dict[str, Series] = {}
    periods = [int(query["MetricStat"].get("Period", 60)) for query in queries if query.get("MetricStat")]
    default_period = max(periods, default=60)

    def value_of(name: str, open_names: tuple[str, ...] = ()) -> Series:
        if name in done:
            return done[name]
        if name not in by_id or name in open_names:
            raise ExpressionError(f"no metric or expression has the id {name}")
        query = by_id[name]
        if query.get("MetricStat"):
            wanted = query["MetricStat"]
            found = series(wanted.get("Metric", {}), wanted.get("Stat", "Average"), int(wanted.get("Period", 60)),
                           start, end, wanted.get("Unit"))
        else:
            period = int(query.get("Period") or default_period)
            expression = _Expression(lambda other: value_of(other, (*open_names, name)), by_id, start, end, period)
            found = expression.evaluate(query.get("Expression", ""))
        done[name] = found
        return found

    for query in queries:
        value_of(query["Id"])
    return done


_BINARY = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow,
}
_COMPARE = {
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_SCALAR = {"ABS": abs, "CEIL": lambda v: float(-(-v // 1)), "FLOOR": lambda v: float(v // 1)}
_MANY = {"SUM": sum, "MIN": min, "MAX": max, "AVG": lambda values: sum(values) / len(values)}


class _Expression:
    """Evaluates one expression, reading it with Python's grammar, which agrees with CloudWatch's on this subset."""

    def __init__(self, lookup, by_id: dict, start: float, end: float, period: int) -> None:
        self._lookup, self._by_id, self._period = lookup, by_id, period
        self._times = range(int(start // period) * period, int(end), period)

    def evaluate(self, text: str) -> Series:
        source = re.sub(r"\bAND\b|&&", " and ", re.sub(r"\bOR\b|\|\|", " or ", text.replace("^", "**")))
        try:
            value = self._value(ast.parse(source.strip(), mode="eval").body)
        except SyntaxError as error:
            raise ExpressionError(f"cannot read the expression {text!r}") from error
        return value if isinstance(value, dict) else {at: value for at in self._times}

    def _value(self, node: ast.expr):
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            return float(node.value)
        if isinstance(node, ast.Name):
            return self._lookup(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            sign = -1.0 if isinstance(node.op, ast.USub) else 1.0
            return _combine(operator.mul, sign, self._value(node.operand))
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return _combine(_BINARY[type(node.op)], self._value(node.left), self._value(node.right))
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
            compare = _COMPARE[type(node.ops[0])]
            return _combine(lambda a, b: float(compare(a, b)), self._value(node.left), self._value(node.comparators[0]))
        if isinstance(node, ast.BoolOp):
            join = all if isinstance(node.op, ast.And) else any
            values = [self._value(each) for each in node.values]
            result = values[0]
            for value in values[1:]:
                result = _combine(lambda a, b: float(join((a, b))), result, value)
            return result
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._call(node.func.id.upper(), node.args)
        if isinstance(node, ast.List):
            return [self._value(each) for each in node.elts]
        raise ExpressionError(f"not emulated in metric math: {ast.unparse(node)}")

    def _call(self, name: str, arguments: list[ast.expr]):
        if name == "FILL":
            return self._fill(self._value(arguments[0]), arguments[1])
        values = [self._metrics() if _is_metrics(each) else self._value(each) for each in arguments]
        if name in _SCALAR:
            return _combine(lambda a, _: _SCALAR[name](a), values[0], 0.0)
        if name == "IF":
            condition, then, otherwise = (*values, None)[:3]
            return _choose(condition, then, otherwise)
        if name in _MANY:
            return self._aggregate(_MANY[name], values[0])
        raise ExpressionError(f"not emulated in metric math: {name}()")

    def _metrics(self) -> list[Series]:
        return [self._lookup(name) for name, query in self._by_id.items() if query.get("MetricStat")]

    @staticmethod
    def _aggregate(function, value):
        if isinstance(value, list):
            times = sorted({at for each in value for at in each})
            return {at: function([each[at] for each in value if at in each]) for at in times}
        return function(list(value.values())) if value else {}

    def _fill(self, value: Series, node: ast.expr) -> Series:
        if isinstance(node, ast.Name) and node.id.upper() == "REPEAT":
            filled, last = {}, None
            for at in self._times:
                last = value.get(at, last)
                if last is not None:
                    filled[at] = last
            return filled
        filler = self._value(node)
        return {at: value.get(at, filler) for at in self._times}


def _is_metrics(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.upper() == "METRICS"


def _combine(function, left, right):
    """Apply to numbers and series; a series has a value only where every series involved has one."""
    if not isinstance(left, dict) and not isinstance(right, dict):
        return function(left, right)
    times = [at for at in (left if isinstance(left, dict) else right) if not isinstance(right, dict) or at in right]
    result = {}
    for at in times:
        try:
            result[at] = function(left[at] if isinstance(left, dict) else left, right[at] if isinstance(right, dict) else right)
        except ZeroDivisionError:
            continue
    return result


def _choose(condition, then, otherwise):
    times = condition if isinstance(condition, dict) else next((v for v in (then, otherwise) if isinstance(v, dict)), None)
    pick = lambda value, at: value.get(at) if isinstance(value, dict) else value  # noqa: E731
    if times is None:
        return then if condition else otherwise
    chosen = {at: pick(then if pick(condition, at) else otherwise, at) for at in times}
    return {at: value for at, value in chosen.items() if value is not None}
