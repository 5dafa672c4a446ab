"""What the command line decides."""

import argparse
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Options:
    """Settings of one emulator process."""

    port: int
    state_dir: Path
    retry_delays: tuple[float, ...] = (1.0, 2.0)
    """Seconds before the second and the third asynchronous attempt (AWS: 60 and 120)."""
    alarm_interval: float = 5.0
    """Seconds between two evaluations of all alarms (AWS: 60 for standard-resolution alarms)."""
    disabled_fixes: frozenset[str] = frozenset()
    """Fixes left out, so that a test can show what each of them is for."""

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"


def _delays(text: str) -> tuple[float, ...]:
    delays = tuple(float(part) for part in text.split(",") if part.strip())
    if not delays or min(delays) < 0:
        raise argparse.ArgumentTypeError(f"wants seconds such as 1,2: {text!r}")
    return delays


def _interval(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"wants seconds above zero: {text!r}")
    return value


def parse(argv: list[str]) -> Options:
    """Read the command line; exits with status 2 on a wrong one."""
    parser = argparse.ArgumentParser(prog="local_aws", description="A local AWS for this project, on 127.0.0.1 only.")
    parser.add_argument("--port", type=int, required=True, help="port of every AWS API")
    parser.add_argument("--state-dir", type=Path, required=True, help="where state is kept between runs")
    parser.add_argument("--retry-delays", type=_delays, default=(1.0, 2.0), metavar="S,S",
                        help="waits before the 2nd and 3rd asynchronous attempt (default 1,2; AWS 60,120)")
    parser.add_argument("--alarm-interval", type=_interval, default=5.0, metavar="S",
                        help="seconds between alarm evaluations (default 5)")
    parser.add_argument("--without-fix", action="append", default=[], metavar="NAME", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    return Options(args.port, args.state_dir.resolve(), args.retry_delays, args.alarm_interval,
                   frozenset(args.without_fix))
