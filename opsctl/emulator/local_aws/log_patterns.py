"""JSON filter patterns of CloudWatch Logs: ``{ ($.level = "ERROR") && ($.latency > 20) }``.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html#matching-terms-json-log-events
"""

import json
import operator
import re
from collections.abc import Callable

Predicate = Callable[[dict], bool]


class BadPattern(ValueError):
    """A pattern that cannot be read."""


_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|&&|\|\||!=|<=|>=|[=<>()]|[^\s=<>!()&|]+)')
_NUMERIC = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[\"?([^\]\"]+)\"?\]")
_ABSENT = object()


def compile_pattern(text: str) -> Callable[[str], bool]:
    """A test for log messages; raises BadPattern."""
    predicate = _Parser(text.strip()[1:-1]).parse()

    def matches(message: str) -> bool:
        try:
            record = json.loads(message)
        except ValueError:
            return False
        return isinstance(record, dict) and predicate(record)

    return matches


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens, position, text = [], 0, text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise BadPattern(f"cannot read {text[position:]!r}")
            self._tokens.append(match.group(1))
            position = match.end()
        self._tokens.append("")
        self._at = 0

    def parse(self) -> Predicate:
        predicate = self._either()
        if self._peek():
            raise BadPattern(f"unexpected {self._peek()!r}")
        return predicate

    def _peek(self) -> str:
        return self._tokens[self._at]

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _either(self) -> Predicate:
        choices = [self._both()]
        while self._peek() == "||":
            self._next()
            choices.append(self._both())
        return lambda record: any(choice(record) for choice in choices)

    def _both(self) -> Predicate:
        needs = [self._one()]
        while self._peek() == "&&":
            self._next()
            needs.append(self._one())
        return lambda record: all(need(record) for need in needs)

    def _one(self) -> Predicate:
        token = self._next()
        if token == "(":
            inner = self._either()
            if self._next() != ")":
                raise BadPattern("a parenthesis is not closed")
            return inner
        if not token.startswith("$"):
            raise BadPattern(f"expected a selector, found {token!r}")
        steps = [name or index for name, index in _STEP.findall(token[1:])]
        test = self._test()
        return lambda record: test(_select(record, steps))

    def _test(self) -> Callable[[object], bool]:
        verb = self._next().upper()
        if verb == "IS":
            word = self._next().upper()
            return {"NULL": lambda value: value is None, "TRUE": lambda value: value is True,
                    "FALSE": lambda value: value is False}[word]
        if verb in ("EXISTS", "NOT"):
            if verb == "NOT" and self._next().upper() != "EXISTS":
                raise BadPattern("expected NOT EXISTS")
            return lambda value: (value is _ABSENT) == (verb == "NOT")
        raw = self._next()
        if verb in _NUMERIC:
            limit = float(raw)
            return lambda value: _is_number(value) and _NUMERIC[verb](value, limit)
        if verb not in ("=", "!="):
            raise BadPattern(f"unknown comparison {verb!r}")
        equals = _equals(raw)
        return equals if verb == "=" else lambda value: value is not _ABSENT and not equals(value)


def _equals(raw: str) -> Callable[[object], bool]:
    text = re.sub(r"\\(.)", r"\1", raw[1:-1]) if raw.startswith('"') else raw
    expression = re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)

    def equals(value: object) -> bool:
        if _is_number(value) and not raw.startswith('"'):
            try:
                return value == float(raw)
            except ValueError:
                return False
        return isinstance(value, str) and expression.fullmatch(value) is not None

    return equals


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _select(value: object, steps: list[str]) -> object:
    for step in steps:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _ABSENT
    return value
