"""MiniStack 1.5.33 reads a whole index partition for every Query: sorts it, and evaluates the condition on each item.

With all events of one symbol in a partition that is 20 ms for 800 of them and grows with each. AWS reads in key order
from where the condition begins and stops at the limit
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html). Here partitions
with a text sort key are kept in order, MiniStack's Query is handed only the stretch that meets the condition, and is
spared parsing the condition again for every item of it.
"""

import re
from bisect import bisect_left, bisect_right, insort
from contextvars import ContextVar

from ministack.services import dynamodb

from local_aws.options import Options
from local_aws.patching import replace

_REF = r"(#\w+|[A-Za-z_]\w*)"
_COMPARE = re.compile(rf"{_REF}\s*(<=|>=|<|>|=)\s*(:\w+)")
_BETWEEN = re.compile(rf"{_REF}\s+BETWEEN\s+(:\w+)\s+AND\s+(:\w+)", re.IGNORECASE)
_BEGINS = re.compile(rf"begins_with\s*\(\s*{_REF}\s*,\s*(:\w+)\s*\)")

_asked: ContextVar[dict | None] = ContextVar("local_aws_query", default=None)
"""The Query that is being answered."""
_met: ContextVar[bool] = ContextVar("local_aws_query_met", default=False)
"""Whether all items it was handed are known to meet its key condition."""


class Partition(dict):
    """An index partition's members as MiniStack keeps them, (partition key, sort key) of the table, and their order."""

    def __init__(self) -> None:
        super().__init__()
        self.ordered: list[tuple] = []
        self._sort_values: dict[tuple, str] = {}

    def add(self, key: tuple, sort_value: str) -> None:
        self.remove(key)
        self[key] = None
        self._sort_values[key] = sort_value
        insort(self.ordered, (sort_value, *map(str, key), key))

    def remove(self, key: tuple) -> None:
        if key in self:
            del self[key]
            entry = (self._sort_values.pop(key), *map(str, key), key)
            self.ordered.pop(bisect_left(self.ordered, entry))


def install(_options: Options) -> None:
    replace(dynamodb, "_index_members", index_members)
    replace(dynamodb, "_index_item", index_item)
    upstream, evaluate = dynamodb._query, dynamodb._evaluate_condition

    def query(data: dict):
        asked, met = _asked.set(data), _met.set(False)
        try:
            return upstream(data)
        finally:
            _asked.reset(asked)
            _met.reset(met)

    def evaluate_condition(expression, item, *rest, slot="ConditionExpression", **more):
        if slot == "KeyConditionExpression" and _met.get():
            return True
        return evaluate(expression, item, *rest, slot=slot, **more)

    replace(dynamodb, "_query", query)
    replace(dynamodb, "_evaluate_condition", evaluate_condition)


def index_members(table: dict) -> dict:
    members = table.get(dynamodb._INDEX_MEMBERS)
    if members is None:
        members = table[dynamodb._INDEX_MEMBERS] = {name: {} for name, _, _ in dynamodb._index_key_schemas(table)}
        for base_pk, sort_map in table["items"].items():
            for base_sk, item in sort_map.items():
                index_item(table, base_pk, base_sk, item, add=True)
    data = _asked.get()
    if data is None or data.get("IndexName") not in members:
        return members
    name = data["IndexName"]
    return {name: _Stretch(table, name, members[name], data)}


def index_item(table: dict, base_pk, base_sk, item: dict, add: bool) -> None:
    members = table.get(dynamodb._INDEX_MEMBERS)
    if members is None:
        return
    for name, hash_names, range_names in dynamodb._index_key_schemas(table):
        if name not in members:
            table.pop(dynamodb._INDEX_MEMBERS, None)
            return
        value = dynamodb._index_partition(item, hash_names, range_names)
        if value is None:
            continue
        if add:
            members[name].setdefault(value, Partition()).add((base_pk, base_sk), _text(item, range_names))
        elif value in members[name]:
            members[name][value].remove((base_pk, base_sk))
            if not members[name][value]:
                del members[name][value]


def _text(item: dict, range_names: list[str]) -> str:
    return item[range_names[0]].get("S", "") if range_names else ""


class _Stretch:
    """Stands for an index's partitions during one Query."""

    def __init__(self, table: dict, name: str, partitions: dict, data: dict) -> None:
        self._table, self._name, self._partitions, self._data = table, name, partitions, data

    def get(self, value, default=()):
        partition = self._partitions.get(value)
        if partition is None:
            return default
        range_names = next(ranges for name, _, ranges in dynamodb._index_key_schemas(self._table) if name == self._name)
        keys = [*range_names, self._table["pk_name"], *filter(None, [self._table.get("sk_name")])]
        all_text = all(dynamodb._get_attr_type(self._table, key) == "S" for key in keys)
        if len(range_names) != 1 or not all_text or self._data.get("KeyConditions"):
            return list(partition)
        bounds = self._bounds(partition.ordered, range_names[0])
        if bounds is None:
            return list(partition)
        low, high = bounds
        _met.set(True)
        limit = self._data.get("Limit")
        if limit is not None and not self._data.get("ExclusiveStartKey"):
            if self._data.get("ScanIndexForward", True):
                high = min(high, low + int(limit))
            else:
                low = max(low, high - int(limit))
        return [entry[-1] for entry in partition.ordered[low:high]]

    def _bounds(self, ordered: list[tuple], range_name: str) -> tuple[int, int] | None:
        """Where the items that meet the condition on the sort key begin and end; None if it cannot be told."""
        condition = self._data.get("KeyConditionExpression") or ""
        names = self._data.get("ExpressionAttributeNames") or {}
        values = self._data.get("ExpressionAttributeValues") or {}

        def is_range(reference: str) -> bool:
            return names.get(reference, reference) == range_name

        def first(value: str) -> int:
            return bisect_left(ordered, value, key=lambda entry: entry[0])

        def past(value: str) -> int:
            return bisect_right(ordered, value, key=lambda entry: entry[0])

        def text(reference: str) -> str | None:
            return (values.get(reference) or {}).get("S")

        for reference, start, end in _BETWEEN.findall(condition):
            if is_range(reference) and text(start) is not None and text(end) is not None:
                return first(text(start)), past(text(end))
        for reference, start in _BEGINS.findall(condition):
            if is_range(reference) and text(start) is not None:
                return first(text(start)), first(text(start) + chr(0x10FFFF))
        for reference, comparison, operand in _COMPARE.findall(condition):
            value = text(operand)
            if is_range(reference) and value is not None:
                return {"=": (first(value), past(value)), "<": (0, first(value)), "<=": (0, past(value)),
                        ">": (past(value), len(ordered)), ">=": (first(value), len(ordered))}[comparison]
        mentioned = any(is_range(word) for word in re.findall(r"[#:]?\w+", condition))
        return None if mentioned else (0, len(ordered))
