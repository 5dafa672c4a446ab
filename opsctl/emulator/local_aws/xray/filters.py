"""Filter expressions of GetTraceSummaries.

https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html: boolean, number and string keywords,
annotations, service() and edge() with an optional filter of their own, joined by AND and OR, turned by !.
"""

import operator
import re
from collections.abc import Callable

from local_aws.xray.store import Trace
from local_aws.xray.summary import end_of, summarize, walk

Predicate = Callable[["View"], bool]


class BadFilter(ValueError):
    """An expression that cannot be read; the message says where."""


class View:
    """What an expression can ask of: a whole trace, or one service's part of it."""

    def __init__(self, trace: Trace, segments: list[dict] | None = None) -> None:
        self.trace = trace
        self.segments = trace.segments() if segments is None else segments
        self.summary = summarize(trace) if segments is None else None

    def flag(self, name: str) -> bool:
        if name == "partial":
            return any(each.get("in_progress") for each in self.segments)
        if name == "ok":
            return not any(each.get(flag) for each in self.segments for flag in ("error", "fault", "throttle"))
        return any(each.get(name) for each in self.segments)

    def values(self, name: str) -> list:
        """The values a keyword stands for; a comparison holds if it holds for one of them."""
        if name == "responsetime":
            if self.summary is not None:
                return [self.summary["ResponseTime"]]
            return [end_of(each) - each["start_time"] for each in self.segments]
        if name == "duration":
            return [self.summary["Duration"]] if self.summary else [end_of(each) - each["start_time"] for each in self.segments]
        if name.startswith("annotation"):
            key = name.removeprefix("annotation")[1:].rstrip("]")
            return [node["annotations"][key] for node, _ in walk(self.segments) if key in (node.get("annotations") or {})]
        if name.startswith("http."):
            part, key = ("response", "status") if name == "http.status" else ("request", {"useragent": "user_agent",
                         "clientip": "client_ip"}.get(name[5:], name[5:]))
            return [each["http"][part][key] for each in self.segments if key in ((each.get("http") or {}).get(part) or {})]
        if name in ("name", "user", "resource_arn"):
            return [each[name] for each in self.segments if name in each]
        if name in ("rootcause.fault.message", "cause.message"):
            return [problem.get("message", "") for node, _ in walk(self.segments) if isinstance(node.get("cause"), dict)
                    for problem in node["cause"].get("exceptions", ())]
        raise BadFilter(f"unknown keyword {name}")


_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(-?\d+(?:\.\d+)?)|(annotation\[[^\]]+\]|[A-Za-z_][\w.]*)|(<=|>=|!=|[=<>!(){},:&|]+?))')
_FLAGS = {"ok", "error", "fault", "throttle", "partial"}
_COMPARE = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "CONTAINS": lambda a, b: str(b) in str(a), "BEGINSWITH": lambda a, b: str(a).startswith(str(b)),
    "ENDSWITH": lambda a, b: str(a).endswith(str(b)),
}


def compile_filter(text: str) -> Callable[[Trace], bool]:
    """A test for traces; raises BadFilter."""
    if not text.strip():
        return lambda trace: True
    predicate = _Parser(text).parse()
    return lambda trace: predicate(View(trace))


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens, position = [], 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                raise BadFilter(f"cannot read {text[position:]!r}")
            self._tokens.append(match.group().strip())
            position = match.end()
        self._tokens.append("")
        self._at = 0

    def parse(self) -> Predicate:
        predicate = self._either()
        if self._peek():
            raise BadFilter(f"unexpected {self._peek()!r}")
        return predicate

    def _peek(self) -> str:
        return self._tokens[self._at]

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, wanted: str) -> None:
        if (found := self._next()) != wanted:
            raise BadFilter(f"expected {wanted!r}, found {found!r}")

    def _either(self) -> Predicate:
        choices = [self._both()]
        while self._peek().upper() == "OR":
            self._next()
            choices.append(self._both())
        return choices[0] if len(choices) == 1 else lambda view: any(choice(view) for choice in choices)

    def _both(self) -> Predicate:
        needs = [self._one()]
        while self._peek().upper() == "AND":
            self._next()
            needs.append(self._one())
        return needs[0] if len(needs) == 1 else lambda view: all(need(view) for need in needs)

    def _one(self) -> Predicate:
        token = self._next()
        if token == "!":
            inner = self._one()
            return lambda view: not inner(view)
        if token == "(":
            inner = self._either()
            self._take(")")
            return inner
        if token in ("service", "edge"):
            return self._service(edge=token == "edge")
        if token in _FLAGS and self._peek() not in _COMPARE:
            return lambda view: view.flag(token)
        if token in _FLAGS:
            wanted = self._comparison()
            return lambda view: wanted(view.flag(token))
        if not re.match(r"[A-Za-z]", token):
            raise BadFilter(f"unexpected {token!r}")
        if self._peek().upper() not in _COMPARE:
            return lambda view: bool(view.values(token))
        compare = self._comparison()
        return lambda view: any(compare(value) for value in view.values(token))

    def _comparison(self) -> Callable[[object], bool]:
        function, wanted = _COMPARE[self._next().upper()], self._literal()

        def holds(value: object) -> bool:
            if isinstance(wanted, bool) or isinstance(value, bool) or isinstance(wanted, str) == isinstance(value, str):
                return bool(function(value, wanted))
            return False

        return holds

    def _literal(self) -> object:
        token = self._next()
        if token.startswith('"'):
            return re.sub(r"\\(.)", r"\1", token[1:-1])
        if token.lower() in ("true", "false"):
            return token.lower() == "true"
        try:
            return float(token)
        except ValueError as error:
            raise BadFilter(f"expected a value, found {token!r}") from error

    def _service(self, edge: bool) -> Predicate:
        self._take("(")
        first = self._identity()
        second = None
        if edge:
            self._take(",")
            second = self._identity()
        self._take(")")
        inner = None
        if self._peek() == "{":
            self._next()
            inner = self._either()
            self._take("}")

        def holds(view: View) -> bool:
            named = [each for each in view.segments if first(each)]
            if second is not None:
                parents = {node["id"] for node, segment in walk(named) if "id" in node}
                named = [each for each in view.segments if second(each) and each.get("parent_id") in parents]
            return any(inner is None or inner(View(view.trace, [each])) for each in named)

        return holds

    def _identity(self) -> Callable[[dict], bool]:
        if self._peek() == ")":
            return lambda segment: True
        if self._peek() != "id":
            name = self._literal()
            return lambda segment: segment["name"] == name
        self._next()
        self._take("(")
        wanted = {}
        while self._peek() != ")":
            key = self._next()
            self._take(":")
            wanted[key] = self._literal()
            if self._peek() == ",":
                self._next()
        self._take(")")
        return lambda segment: (segment["name"] == wanted.get("name", segment["name"])
                                and segment.get("origin") == wanted.get("type", segment.get("origin")))
