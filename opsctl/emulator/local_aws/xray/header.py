"""The tracing header: ``Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1``.

https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

import re
import secrets
import time
from dataclasses import dataclass

_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}$")


@dataclass(frozen=True)
class TraceHeader:
    root: str
    parent: str | None = None
    sampled: bool | None = None
    """None when the decision is left to the receiver."""

    @classmethod
    def parse(cls, text: str | None) -> "TraceHeader | None":
        fields = dict(part.strip().split("=", 1) for part in (text or "").split(";") if "=" in part)
        if not _ROOT.match(fields.get("Root", "")):
            return None
        return cls(fields["Root"], fields.get("Parent"), {"1": True, "0": False}.get(fields.get("Sampled", "")))

    @classmethod
    def start(cls, sampled: bool) -> "TraceHeader":
        """A trace that begins here and now."""
        return cls(f"1-{int(time.time()):08x}-{secrets.token_hex(12)}", None, sampled)

    def __str__(self) -> str:
        parts = [f"Root={self.root}"]
        if self.parent:
            parts.append(f"Parent={self.parent}")
        if self.sampled is not None:
            parts.append(f"Sampled={int(self.sampled)}")
        return ";".join(parts)


def new_id() -> str:
    """A segment's id."""
    return secrets.token_hex(8)


def at_entry(config: dict, header: str | None) -> str | None:
    """The header an event enters a function with: a sampled trace starts here if tracing is active and none is on.

    X-Ray would sample one request a second and five percent of the rest; this samples all of them.
    """
    if TraceHeader.parse(header) is None and (config.get("TracingConfig") or {}).get("Mode") == "Active":
        return str(TraceHeader.start(sampled=True))
    return header
