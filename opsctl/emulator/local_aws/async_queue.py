"""The queue in front of a function's asynchronous invocations.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html: an error is tried again up to the
configured number of times; a throttle puts the event back with growing delays and counts as no attempt; an event older
than its maximum age, or out of attempts, goes to the dead letter queue.
"""

import heapq
import itertools
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from local_aws.scope import enter

logger = logging.getLogger("local_aws.async")

UNRESERVED_POLLERS = 32
"""Concurrent asynchronous invocations of a function without reserved concurrency."""
THROTTLE_BASE, THROTTLE_MAX = 0.5, 5.0
"""Seconds before a throttled event is tried again, doubling (AWS: from 1 s to 5 min)."""
_IDLE_SECONDS = 10.0


@dataclass
class Job:
    """An accepted event that is not through yet."""

    function_arn: str
    """As the event was addressed, with version or alias."""
    payload: str
    request_id: str
    trace_header: str | None
    accepted_at: float = field(default_factory=time.time)
    failures: int = 0
    throttles: int = 0


@dataclass(frozen=True)
class Again:
    """A handler's wish to have the job back."""

    delay: float
    throttled: bool = False


class AsyncQueue:
    """Queues by function, worked by threads that come with the load and go without it.

    ``handle(job)`` makes one attempt and answers None when the job is through, or when to do it Again.
    ``limit(job)`` is the number of attempts of that function that may run at once.
    """

    def __init__(self, handle: Callable[[Job], Again | None], limit: Callable[[Job], int]) -> None:
        self._handle = handle
        self._limit = limit
        self._lock = threading.Condition()
        self._ready: dict[str, deque[Job]] = {}
        self._pollers: dict[str, int] = {}
        self._idle: dict[str, int] = {}
        self._running: dict[int, Job] = {}
        self._delayed: list[tuple[float, int, Job]] = []
        self._order = itertools.count()
        self.stopped = False
        threading.Thread(target=self._wake_delayed, daemon=True, name="async-timer").start()

    def put(self, job: Job) -> None:
        with self._lock:
            self._enqueue(job)

    def stop(self) -> None:
        """Begin no further attempts."""
        with self._lock:
            self.stopped = True
            self._lock.notify_all()

    def pending(self) -> list[dict]:
        """Every job that is not through, those being attempted included: they may be attempted again."""
        with self._lock:
            jobs = [*self._running.values(), *(job for _, _, job in self._delayed)]
            for queue in self._ready.values():
                jobs += queue
            return [asdict(job) for job in jobs]

    def status(self) -> dict[str, dict[str, int]]:
        """How many events of each function wait, run, or wait for their next attempt."""
        with self._lock:
            groups = {"waiting": [job for queue in self._ready.values() for job in queue],
                      "running": list(self._running.values()), "delayed": [job for _, _, job in self._delayed]}
            status: dict[str, dict[str, int]] = {}
            for group, jobs in groups.items():
                for job in jobs:
                    counts = status.setdefault(job.function_arn, {"waiting": 0, "running": 0, "delayed": 0})
                    counts[group] += 1
            return status

    def restore(self, jobs: list[dict]) -> None:
        for job in jobs:
            self.put(Job(**job))

    def _enqueue(self, job: Job) -> None:
        key = job.function_arn
        self._ready.setdefault(key, deque()).append(job)
        if self._idle.get(key, 0) >= len(self._ready[key]):
            self._lock.notify_all()
        elif not self.stopped and self._pollers.get(key, 0) < self._limit(job):
            self._pollers[key] = self._pollers.get(key, 0) + 1
            threading.Thread(target=self._poll, args=(key,), daemon=True, name="async-poller").start()

    def _poll(self, key: str) -> None:
        enter(key.split(":")[4], key.split(":")[3])
        while (job := self._take(key)) is not None:
            again = None
            try:
                again = self._handle(job)
            except Exception:
                logger.exception("asynchronous invocation of %s failed inside the emulator and is put off", key)
                again = Again(THROTTLE_MAX)
            with self._lock:
                self._running.pop(id(job), None)
                if again is not None:
                    heapq.heappush(self._delayed, (time.monotonic() + again.delay, next(self._order), job))
                    self._lock.notify_all()
            if again is not None and again.throttled:
                # Lambda "reduces the rate at which it reads events from the queue".
                time.sleep(again.delay * random.uniform(0.8, 1.2))

    def _take(self, key: str) -> Job | None:
        deadline = time.monotonic() + _IDLE_SECONDS
        with self._lock:
            self._idle[key] = self._idle.get(key, 0) + 1
            try:
                while not self.stopped:
                    queue = self._ready[key]
                    if queue and self._pollers[key] > self._limit(queue[0]):
                        break
                    if queue:
                        job = queue.popleft()
                        self._running[id(job)] = job
                        return job
                    if not self._lock.wait(max(0.0, deadline - time.monotonic())) and not queue:
                        break
                self._pollers[key] -= 1
                return None
            finally:
                self._idle[key] -= 1

    def _wake_delayed(self) -> None:
        with self._lock:
            while not self.stopped:
                if not self._delayed:
                    self._lock.wait()
                    continue
                remaining = self._delayed[0][0] - time.monotonic()
                if remaining > 0:
                    self._lock.wait(remaining)
                    continue
                self._enqueue(heapq.heappop(self._delayed)[2])
