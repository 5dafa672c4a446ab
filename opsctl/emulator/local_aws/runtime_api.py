"""The Lambda Runtime API of one execution environment.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html, the part a custom runtime uses: next, response, error
and init/error. Headers and body of an answer leave in one write, so no delayed acknowledgement ever holds one back.
"""

import queue
import re
import socket
import threading
from dataclasses import dataclass

from local_aws.options import HOST

_RESULT = re.compile(r"/2018-06-01/runtime/invocation/([^/]+)/(response|error)/?$")


@dataclass(frozen=True)
class Outcome:
    """What became of the environment's current work."""

    kind: str
    """ready · response · error · init_error · exit"""
    request_id: str = ""
    body: bytes = b""


@dataclass(frozen=True)
class Task:
    """One invocation as the runtime is given it."""

    request_id: str
    payload: bytes
    deadline_ms: int
    function_arn: str
    trace_header: str | None


class RuntimeApi:
    """Serves one environment on a port of its own until closed."""

    def __init__(self) -> None:
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._current = ""
        self._ready = False
        self._closed = False
        self._listener = socket.create_server((HOST, 0))
        self.address = f"{HOST}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True, name="runtime-api").start()

    def give(self, task: Task) -> None:
        """Hand an invocation to the runtime's waiting (or next) poll."""
        self._current = task.request_id
        self._tasks.put(task)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            connections = list(self._connections)
        self._tasks.put(None)
        # Shutting down wakes a thread that waits in accept or read; closing alone does not.
        for each in (self._listener, *connections):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True, name="runtime-api").start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as reader:
                while self._exchange(connection, reader):
                    pass
        except (OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _exchange(self, connection: socket.socket, reader) -> bool:
        """Answer one request; False when the connection is over."""
        request = reader.readline().split()
        if len(request) < 2:
            return False
        headers = {}
        while (line := reader.readline()) not in (b"\r\n", b"\n", b""):
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        if headers.get(b"expect", b"").lower() == b"100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _read_body(reader, headers)
        path = request[1].decode("latin-1")
        if path.endswith("/runtime/invocation/next"):
            answer = self._next()
        elif match := _RESULT.search(path):
            answer = self._result(match.group(1), match.group(2), body)
        elif path.endswith("/runtime/init/error"):
            self.outcomes.put(Outcome("init_error", body=body))
            answer = _answer(202)
        else:
            answer = _answer(404)
        if answer is None:
            return False
        connection.sendall(answer)
        return headers.get(b"connection", b"").lower() != b"close"

    def _next(self) -> bytes | None:
        if not self._ready:
            self._ready = True
            self.outcomes.put(Outcome("ready"))
        task = self._tasks.get()
        if task is None:
            self._tasks.put(None)
            return None
        headers = {
            "Lambda-Runtime-Aws-Request-Id": task.request_id,
            "Lambda-Runtime-Deadline-Ms": str(task.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": task.function_arn,
        }
        if task.trace_header:
            headers["Lambda-Runtime-Trace-Id"] = task.trace_header
        return _answer(200, task.payload, headers)

    def _result(self, request_id: str, kind: str, body: bytes) -> bytes:
        with self._lock:
            if request_id != self._current:
                return _answer(400, b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}')
            self._current = ""
        self.outcomes.put(Outcome(kind, request_id, body))
        return _answer(202)


def _read_body(reader, headers: dict[bytes, bytes]) -> bytes:
    if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
        chunks = []
        while size := int(reader.readline().split(b";")[0], 16):
            chunks.append(reader.read(size))
            reader.readline()
        while reader.readline() not in (b"\r\n", b"\n", b""):
            pass
        return b"".join(chunks)
    length = int(headers.get(b"content-length", 0))
    return reader.read(length) if length else b""


_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 404: "Not Found"}


def _answer(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
