"""What accompanies an invocation besides the event: its id, the bytes that were sent, the trace it belongs to."""

import time
import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class Invocation:
    """One invocation request; a retry is another attempt of the same one."""

    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    payload: str | None = None
    """The event exactly as it was sent; None when only its parsed form is known."""
    trace_header: str | None = None
    attempt: int = 1
    accepted_at: float = field(default_factory=time.time)
    segments: object = None
    """Kept by tracing from before the invocation until after it."""


current: ContextVar[Invocation | None] = ContextVar("local_aws_invocation", default=None)
"""The invocation that is being executed in this context."""

incoming_trace: ContextVar[str | None] = ContextVar("local_aws_incoming_trace", default=None)
"""Trace header of the request or of the event entry that is being handled."""

incoming_body: ContextVar[bytes | None] = ContextVar("local_aws_incoming_body", default=None)
"""Body of the Invoke request that is being handled."""
