"""One execution environment of a custom-runtime function: its process, its Runtime API, its log lines."""

import array
import fcntl
import json
import os
import queue
import select
import signal
import subprocess
import termios
import threading
import time
import uuid
from dataclasses import dataclass, field

from local_aws import processes
from local_aws.runtime_api import Outcome, RuntimeApi, Task

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

INIT_SECONDS = 10.0
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html: the Init phase is limited to 10 s;
past that it is run again under the function's own timeout."""


@dataclass
class Result:
    """What one invocation came to, with the times its trace and its log lines need (epoch seconds)."""

    body: object = None
    error: bool = False
    error_payload: dict = field(default_factory=dict)
    timed_out: bool = False
    lines: list[tuple[int, str]] = field(default_factory=list)
    """(epoch milliseconds, text)"""
    init_started: float | None = None
    init_ended: float | None = None
    started: float = 0.0
    ended: float = 0.0


class Environment(lambda_runtime.ProvidedWorker):
    """Takes the place of MiniStack's worker in its pool, which leases, reaps and invalidates it as its own."""

    def __init__(self, func_name: str, config: dict, code_zip: bytes):
        super().__init__(func_name, config, code_zip)
        self.log_stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{config.get('Version', '$LATEST')}]{uuid.uuid4().hex}"
        self._api: RuntimeApi | None = None
        self._log_lock = threading.Lock()
        self._lines: list[tuple[int, str]] = []
        self._partial = b""

    def run(self, payload: bytes, request_id: str, trace_header: str | None, function_arn: str) -> Result:
        """Run one invocation; a function that fails to start, dies or takes too long gives an error result."""
        with self._lock:
            result = Result()
            timeout = float(self.config.get("Timeout", 3))
            if self._proc is None or self._proc.poll() is not None:
                result.init_started = time.time()
                failure = self._start(timeout)
                result.init_ended = time.time()
                if failure is not None:
                    result.started = result.ended = result.init_ended
                    return self._fail(result, *failure)
            result.started = time.time()
            self._api.give(Task(request_id, payload, int((result.started + timeout) * 1000), function_arn, trace_header))
            outcome = self._outcome(time.monotonic() + timeout, request_id)
            result.ended = time.time()
            if outcome is None:
                result.timed_out = True
                message = f"{_iso(result.ended)} {request_id} Task timed out after {timeout:.2f} seconds"
                return self._fail(result, "Sandbox.Timedout", message)
            if outcome.kind in ("exit", "init_error"):
                message = f"RequestId: {request_id} Error: {self._last_words()}"
                return self._fail(result, "Runtime.ExitError", message)
            parsed = _parse(outcome.body)
            if outcome.kind == "error":
                result.error = True
                result.error_payload = parsed if isinstance(parsed, dict) else {"errorMessage": str(parsed)}
            else:
                result.body = parsed
            result.lines = self._take_lines()
            return result

    def _fail(self, result: Result, error_type: str, message: str) -> Result:
        """The environment is not to be used again: end it and say why."""
        lines = self._take_lines()
        self._teardown()
        result.error = True
        result.error_payload = {"errorType": error_type, "errorMessage": message}
        result.lines = [*lines, (int(time.time() * 1000), message)]
        return result

    def _last_words(self) -> str:
        code = self._proc.wait()
        if code < 0:
            return f"Runtime exited with error: signal: {signal.strsignal(-code).lower()}"
        return f"Runtime exited with error: exit status {code}" if code else "Runtime exited without providing a reason"

    def _outcome(self, deadline: float, request_id: str) -> Outcome | None:
        while True:
            try:
                outcome = self._api.outcomes.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if outcome.kind != "ready" and outcome.request_id in ("", request_id):
                return outcome

    # Start and end -------------------------------------------------------

    def _spawn(self, init_timeout: float | None = None) -> None:
        """MiniStack's own way in, for environments it wants warm before the first invocation."""
        failure = self._start(init_timeout or INIT_SECONDS)
        if failure is not None:
            raise lambda_runtime.ProvidedRuntimeError(failure[1], failure[0])

    def _start(self, timeout: float) -> tuple[str, str] | None:
        """Start the process and wait for its first poll; None, or the error's type and message."""
        failure = self._start_once(INIT_SECONDS)
        if failure is not None and failure[0] == "Sandbox.Timedout":
            failure = self._start_once(timeout)
        return failure

    def _start_once(self, limit: float) -> tuple[str, str] | None:
        self._teardown()
        directory = lambda_svc._provided_runtime_code_dir(self.code_zip)
        bootstrap = os.path.join(directory, "bootstrap")
        if not os.access(bootstrap, os.X_OK):
            return "Runtime.InvalidEntrypoint", f"Couldn't find valid bootstrap(s): [{bootstrap}]"
        self._api = RuntimeApi()
        environment = lambda_svc._provided_worker_env(self.config, directory, int(self._api.address.rsplit(":", 1)[1]))
        environment["AWS_LAMBDA_LOG_STREAM_NAME"] = self.log_stream
        try:
            # Under the lock that guards unpacking: a fork then would inherit a file still open for writing.
            with lambda_svc._provided_code_lock:
                self._proc = processes.spawn([bootstrap], directory, environment)
        except OSError as error:
            return "Runtime.InvalidEntrypoint", f"Couldn't execute the bootstrap: {error}"
        os.set_blocking(self._proc.stdout.fileno(), False)
        threading.Thread(target=self._pump, args=(self._proc, self._api), daemon=True, name="function-log").start()
        try:
            outcome = self._api.outcomes.get(timeout=limit)
        except queue.Empty:
            return "Sandbox.Timedout", f"Init did not finish within {limit:g} seconds"
        if outcome.kind == "ready":
            return None
        if outcome.kind == "init_error":
            parsed = _parse(outcome.body)
            if isinstance(parsed, dict):
                return parsed.get("errorType", "Runtime.InitError"), str(parsed.get("errorMessage", ""))
        return "Runtime.ExitError", "Error: Runtime exited during initialization"

    def _teardown(self) -> None:
        process, self._proc = self._proc, None
        if process is not None:
            processes.kill(process)
        api, self._api = self._api, None
        if api is not None:
            api.close()

    def _discard_tmpdir(self) -> None:
        self._teardown()

    # Log lines -----------------------------------------------------------

    def _pump(self, process: subprocess.Popen, api: RuntimeApi) -> None:
        """Read the process's output for as long as it lives, then say that it ended."""
        descriptor = process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN | select.POLLHUP)
        while True:
            poll.poll()
            with self._log_lock:
                if not self._read(descriptor):
                    break
        api.outcomes.put(Outcome("exit"))
        processes.forget(process)
        process.stdout.close()

    def _read(self, descriptor: int) -> bool:
        """Take what the pipe holds; False at its end. Call with the log lock held."""
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return True
        now = int(time.time() * 1000)
        *lines, self._partial = (self._partial + data).split(b"\n")
        if not data and self._partial:
            lines, self._partial = [self._partial], b""
        self._lines += [(now, line.decode("utf-8", "replace").rstrip("\r")) for line in lines]
        return bool(data)

    def _take_lines(self) -> list[tuple[int, str]]:
        """Every line written so far. What a function wrote before its answer is in the pipe by now: no waiting."""
        process = self._proc
        with self._log_lock:
            if process is not None and not process.stdout.closed:
                while _pending(process.stdout.fileno()) and self._read(process.stdout.fileno()):
                    pass
            lines, self._lines = self._lines, []
            return lines


def _iso(epoch: float) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(epoch))}.{int(epoch * 1000) % 1000:03d}Z"


def _pending(descriptor: int) -> int:
    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]


def _parse(body: bytes) -> object:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode("utf-8", "replace")
