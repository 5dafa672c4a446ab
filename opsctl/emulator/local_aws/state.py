"""State on disk while the emulator runs, so that a kill -9 costs little.

MiniStack saves when it is asked to stop, and only then. Here what Terraform makes is saved within two seconds of its
last change, data (rows, messages, logs, metrics) every minute, events waiting for a function every second. Each file is
written aside and moved into place.
"""

import json
import logging
import os
import threading
import time
from pathlib import Path

from ministack import app
from ministack.core import persistence

from local_aws import processes
from local_aws.fixes import async_invocation
from local_aws.options import Options
from local_aws.patching import replace

logger = logging.getLogger("local_aws.state")

DATA_SECONDS, SETTLE_SECONDS, LATEST_SECONDS = 60.0, 1.0, 2.0

_DATA_CALLS = {
    "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "PutEvents", "SendMessage",
    "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "DeleteMessageBatch", "ChangeMessageVisibility", "PurgeQueue",
    "Publish", "PublishBatch", "PutMetricData", "PutLogEvents", "CreateLogStream", "StartReplay", "CancelReplay",
    "SetAlarmState", "PutTraceSegments", "PutTelemetryRecords",
}
_READS = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "Filter", "Test", "Head", "Lookup", "Assume")


class Saver:
    """Knows what changed and writes it."""

    def __init__(self, directory: Path) -> None:
        self._queue_file = directory / "async-events.json"
        self._lock = threading.Lock()
        self._changed: dict[str, float] = {}
        self._last_change = 0.0
        self._saving = threading.Lock()
        self._waiting = ""
        self._closed = False
        self.last_saved: float | None = None

    def called(self, service: str, method: str, path: str, headers: dict, body: bytes) -> None:
        """Notice a request that succeeded."""
        operation = headers.get("x-amz-target", "").split(".")[-1] or _form_action(body)
        if operation in _DATA_CALLS or operation.startswith(_READS) or (not operation and method == "GET"):
            return
        if path.rstrip("/").endswith("/invocations"):
            return
        settings = app.SERVICE_REGISTRY.get(service)
        if settings is None:
            return
        now = time.monotonic()
        with self._lock:
            self._changed.setdefault(settings.get("state_key", settings["module"]), now)
            self._last_change = now

    def run(self) -> None:
        last_full = time.monotonic()
        while True:
            time.sleep(0.5)
            try:
                last_full = self._round(last_full)
            except OSError:
                logger.exception("state could not be written; trying again")

    def _round(self, last_full: float) -> float:
        """Save what is due; when everything was last saved."""
        self._save_queue()
        now = time.monotonic()
        with self._lock:
            oldest = min(self._changed.values(), default=None)
            due = oldest is not None and (now - self._last_change > SETTLE_SECONDS or now - oldest > LATEST_SECONDS)
            names = list(self._changed) if due else []
            if due:
                self._changed.clear()
        if now - last_full > DATA_SECONDS:
            self.save()
            return time.monotonic()
        if names:
            self.save(names)
        return last_full

    def save(self, names: list[str] | None = None) -> None:
        """Write the named services' state, or everyone's."""
        with self._saving:
            getters = app._build_persistence_save_dict()
            for name, get_state in getters.items():
                if names is not None and name not in names:
                    continue
                try:
                    state = _settled(get_state)
                except RuntimeError:
                    logger.info("state of %s kept changing; it is saved a moment later", name)
                    with self._lock:
                        self._changed.setdefault(name, time.monotonic())
                    continue
                if state is not None:
                    _write(name, state)
            self._save_queue()
            self.last_saved = time.time()

    def close(self) -> None:
        """Keep the waiting events as they are now, attempts under way included, and end the functions."""
        async_invocation.queue.stop()
        self._save_queue()
        self._closed = True
        processes.kill_all()

    def load_queue(self) -> None:
        try:
            jobs = json.loads(self._queue_file.read_text())
        except FileNotFoundError:
            return
        except ValueError:
            logger.warning("events waiting in %s cannot be read and are lost", self._queue_file)
            return
        async_invocation.queue.restore(jobs)

    def _save_queue(self) -> None:
        if self._closed:
            return
        text = json.dumps(async_invocation.queue.pending())
        if text != self._waiting:
            aside = self._queue_file.with_suffix(".tmp")
            aside.write_text(text)
            os.replace(aside, self._queue_file)
            self._waiting = text


def _form_action(body: bytes) -> str:
    if not body.startswith(b"Action=") and b"&Action=" not in body[:4096]:
        return ""
    start = body.index(b"Action=") + len(b"Action=")
    return body[start:start + 80].split(b"&")[0].decode("latin-1")


def _write(name: str, state: dict) -> None:
    """As persistence.save_state, encoded in one go: its piecemeal encoding takes several times as long."""
    directory = Path(persistence.STATE_DIR)
    directory.mkdir(parents=True, exist_ok=True)
    whole = {"__ministack_format__": persistence._state_format_version(name), "payload": state}
    aside = directory / f"{name}.json.tmp"
    aside.write_text(json.dumps(whole, default=persistence._json_default))
    os.replace(aside, directory / f"{name}.json")


def _settled(get_state):
    """A copy that no other thread changed while it was taken; RuntimeError if that cannot be had just now."""
    for wait in (0.02, 0.05, 0.1, 0.2):
        try:
            return get_state()
        except RuntimeError:
            time.sleep(wait)
    return get_state()


def install(options: Options) -> Saver:
    saver = Saver(options.state_dir)
    load, save_all = app._load_persisted_state, app.save_all

    def load_all() -> None:
        load()
        saver.load_queue()
        threading.Thread(target=saver.run, daemon=True, name="state").start()

    def save_at_shutdown(_services) -> None:
        saver.close()
        saver.save()

    def called(service, method, path, headers, body, query_params, request_id, region):
        saver.called(service, method, path, headers, body)

    replace(app, "_load_persisted_state", load_all)
    replace(app, "save_all", save_at_shutdown)
    replace(app, "_maybe_record_cloudtrail", called)
    return saver
