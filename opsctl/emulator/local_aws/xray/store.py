"""Segments as they come in, traces as they are asked for.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html: a segment sent again under its id
replaces the one that was in progress; a subsegment may come on its own and belongs below its parent_id.
"""

import copy
import json
import re
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

MAXIMUM_TRACES = 10_000
"""The oldest go first."""

_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}$")
_ID = re.compile(r"[0-9a-f]{16}$")


class BadSegment(ValueError):
    """A document X-Ray would not take."""


@dataclass
class Trace:
    """All that is known of one trace."""

    id: str
    documents: dict[str, dict] = field(default_factory=dict)
    """Segments and separately sent subsegments, by id."""

    def segments(self) -> list[dict]:
        """Whole segments, subsegments in place; one whose parent is unknown stands for itself."""
        documents = copy.deepcopy(self.documents)
        places = {}

        def index(node: dict) -> None:
            places[node["id"]] = node
            for child in node.get("subsegments", ()):
                if "id" in child:
                    index(child)

        for document in documents.values():
            index(document)
        roots = []
        for document in sorted(documents.values(), key=lambda each: each["start_time"]):
            parent = places.get(document.get("parent_id"))
            if document.get("type") == "subsegment" and parent is not None and parent is not document:
                parent.setdefault("subsegments", []).append(document)
            else:
                roots.append(document)
        return roots

    @property
    def started(self) -> float:
        return int(self.id.split("-")[1], 16)


class Store:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._traces: OrderedDict[str, Trace] = OrderedDict()

    def put(self, document: dict) -> None:
        """Take one document; raises BadSegment for one that misses what X-Ray requires."""
        for name, pattern in (("trace_id", _TRACE_ID), ("id", _ID)):
            if not pattern.match(str(document.get(name, ""))):
                raise BadSegment(f"{name} is missing or malformed")
        if not document.get("name") or not isinstance(document.get("start_time"), (int, float)):
            raise BadSegment("name and start_time are required")
        if "end_time" not in document and not document.get("in_progress"):
            raise BadSegment("end_time is required unless in_progress")
        with self._lock:
            trace = self._traces.setdefault(document["trace_id"], Trace(document["trace_id"]))
            known = trace.documents.get(document["id"])
            if known is None or known.get("in_progress") or not document.get("in_progress"):
                trace.documents[document["id"]] = document
            while len(self._traces) > MAXIMUM_TRACES:
                self._traces.popitem(last=False)

    def get(self, trace_id: str) -> Trace | None:
        with self._lock:
            trace = self._traces.get(trace_id)
            return None if trace is None else Trace(trace.id, dict(trace.documents))

    def between(self, start: float, end: float, by_event: bool) -> list[Trace]:
        """Traces that began in the range, or, by event, had anything happen in it; newest first."""
        with self._lock:
            traces = [Trace(trace.id, dict(trace.documents)) for trace in self._traces.values()]
        found = [trace for trace in traces if _in_range(trace, start, end, by_event)]
        return sorted(found, key=lambda trace: (trace.started, trace.id), reverse=True)

    def count(self) -> int:
        with self._lock:
            return len(self._traces)


def _in_range(trace: Trace, start: float, end: float, by_event: bool) -> bool:
    if not by_event:
        # A trace id has whole seconds only.
        return int(start) <= trace.started <= end
    return any(each["start_time"] <= end and each.get("end_time", time.time()) >= start for each in trace.documents.values())


def parse(text: str) -> dict:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadSegment("not JSON") from error
    if not isinstance(document, dict):
        raise BadSegment("not an object")
    return document


STORE = Store()
