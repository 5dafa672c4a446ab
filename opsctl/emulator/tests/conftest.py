"""One emulator for the whole suite; each test makes its own resources."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.cloud import Cloud

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser):
    parser.addoption("--without-fix", action="append", default=[], help="leave a fix out, to see its tests fail")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Emulator:
    """A running emulator process and a client to it."""

    def __init__(self, state_dir: Path, without: list[str] = (), port: int | None = None, extra: list[str] = ()):
        self.port = port or free_port()
        self.state_dir = state_dir
        self.log = open(state_dir.parent / f"{state_dir.name}.log", "a+")
        command = [sys.executable, "-m", "local_aws", "--port", str(self.port), "--state-dir", str(state_dir),
                   "--retry-delays", "0.2,0.4", "--alarm-interval", "0.5", *extra]
        for name in without:
            command += ["--without-fix", name]
        environment = {"PATH": os.environ["PATH"], "HOME": str(state_dir), "PYTHONPATH": str(ROOT),
                       "A_SECRET_OF_THE_USER": "leaked"}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            self.stop()
            self.log.seek(0)
            raise RuntimeError(f"the emulator did not start: {line}{self.log.read()}")
        self.cloud = Cloud(line.split()[1])

    def stop(self, how: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=20)


@pytest.fixture(scope="session")
def emulator(request):
    with tempfile.TemporaryDirectory() as directory:
        running = Emulator(Path(directory) / "state", request.config.getoption("--without-fix"))
        yield running
        running.stop()


@pytest.fixture(scope="session")
def cloud(emulator):
    return emulator.cloud


@pytest.fixture
def start(tmp_path):
    """Start further emulators; they are stopped when the test is over."""
    started = []

    def start_one(state_dir: Path | None = None, **options):
        started.append(Emulator(state_dir or tmp_path / "state", **options))
        return started[-1]

    yield start_one
    for each in started:
        each.stop(signal.SIGKILL)
