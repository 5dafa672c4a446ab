"""Function processes: each in a process group of its own, none outliving the emulator."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

_lock = threading.Lock()
_watchdog: subprocess.Popen | None = None
_alive: set[int] = set()


def spawn(command: list[str], directory: str, environment: dict[str, str]) -> subprocess.Popen:
    """Start a function; its standard output and error share one pipe."""
    process = subprocess.Popen(
        command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True, bufsize=0,
    )
    _tell(process.pid, "+")
    return process


def kill(process: subprocess.Popen) -> None:
    """End a function at once, with whatever it started, and collect it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except OSError:
        pass
    process.wait()


def forget(process: subprocess.Popen) -> None:
    """Collect a function that ended; its process id may now be anybody's."""
    process.wait()
    _tell(process.pid, "-")


def kill_all() -> None:
    """End every function; for shutdown."""
    with _lock:
        pids = list(_alive)
    for pid in pids:
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass


def alive() -> list[int]:
    """Process ids of the functions that run."""
    with _lock:
        return sorted(_alive)


def _tell(pid: int, change: str) -> None:
    global _watchdog
    with _lock:
        if _watchdog is None:
            _watchdog = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(__file__).with_name("watchdog.py"))],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={},
                start_new_session=True, text=True,
            )
        if change == "+":
            _alive.add(pid)
        else:
            _alive.discard(pid)
        try:
            _watchdog.stdin.write(f"{change}{pid}\n")
            _watchdog.stdin.flush()
        except OSError:
            _watchdog = None
