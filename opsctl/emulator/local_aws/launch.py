"""Start-up and shutdown of the emulator process."""

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import sys
from importlib import metadata
from pathlib import Path

from local_aws import MINISTACK_VERSION
from local_aws.options import HOST, Options, parse

GRACE_SECONDS = 1
"""How long open requests may go on after SIGTERM; the whole stop has to fit in five seconds."""


def main(argv: list[str]) -> int:
    options = parse(argv)
    problem = _version_problem()
    if problem:
        return _refuse(problem)
    options.state_dir.mkdir(parents=True, exist_ok=True)
    lock = _lock_state(options.state_dir)
    if lock is None:
        return _refuse(f"another emulator already uses the state directory {options.state_dir}")
    try:
        listener = _listen(options.port)
    except OSError as error:
        return _refuse(f"cannot listen on {HOST}:{options.port} ({error.strerror}); stop what uses it or choose another port")
    _prepare_environment(options)
    asyncio.run(_serve(options, listener))
    return 0


def _refuse(message: str) -> int:
    print(f"local_aws: {message}", file=sys.stderr)
    return 1


def _version_problem() -> str | None:
    try:
        found = metadata.version("ministack")
    except metadata.PackageNotFoundError:
        return f"ministack {MINISTACK_VERSION} is not installed; install opsctl/emulator/requirements.txt"
    if found != MINISTACK_VERSION:
        return f"needs ministack {MINISTACK_VERSION} exactly, found {found}; install opsctl/emulator/requirements.txt"
    return None


def _lock_state(state_dir: Path):
    """Hold the state directory for the life of the process; None when another process holds it."""
    handle = open(state_dir / "lock", "w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        return None
    return handle


def _listen(port: int) -> socket.socket:
    # The protocol spelt out: asyncio turns Nagle's algorithm off only where it reads TCP. Otherwise 40 ms a request.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError:
        listener.close()
        raise
    return listener


def _prepare_environment(options: Options) -> None:
    """Give MiniStack the one environment it gets: it reads its settings at import and hands its own to functions."""
    temporary = options.state_dir / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    os.environ.clear()
    os.environ.update(keep)
    os.environ.update({
        "HOME": str(options.state_dir),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        "GATEWAY_PORT": str(options.port),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "MINISTACK_REGION": "us-east-1",
        "MINISTACK_ACCOUNT_ID": "000000000000",
        "AWS_ENDPOINT_URL": options.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AUTH": "true",
        "PERSIST_STATE": "1",
        "STATE_DIR": str(options.state_dir / "ministack"),
        "S3_DATA_DIR": str(options.state_dir / "s3"),
        "S3_PERSIST": "1",
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": "WARNING",
        # Off: listeners and a container reaper that would reach outside this process.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{options.state_dir}/no-docker",
    })


async def _serve(options: Options, listener: socket.socket) -> None:
    import uvicorn

    import ministack.app
    from local_aws import fixes

    fixes.install(options)

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self):
            # The library's own raises the signal again when all is done, and the process would seem to have died of it.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self.handle_exit)
            yield

        async def startup(self, sockets=None):
            await super().startup(sockets=sockets)
            if not self.should_exit:
                print(f"ready {options.endpoint}", flush=True)

    config = uvicorn.Config(
        ministack.app.app, http="httptools", ws="none", lifespan="on", log_level="warning", access_log=False,
        timeout_keep_alive=75, timeout_graceful_shutdown=GRACE_SECONDS, server_header=False, date_header=False,
        proxy_headers=False, backlog=2048,
    )
    # A hang-up of the terminal that started us is not a reason to stop.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        await Server(config).serve(sockets=[listener])
    finally:
        fixes.shut_down()
