"""Ends the functions when the emulator is gone, however it went.

Run as a script of its own by ``processes``. Reads ``+PID`` and ``-PID`` lines; at end of file, which is what even a
``kill -9`` of the emulator gives it, it kills the process groups that are still listed.
"""

import os
import signal
import sys


def main() -> None:
    # A Ctrl-C meant for the emulator must not take its safety net first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    alive: set[int] = set()
    for line in sys.stdin:
        change, pid = line[0], int(line[1:])
        if change == "+":
            alive.add(pid)
        else:
            alive.discard(pid)
    for pid in alive:
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass


if __name__ == "__main__":
    main()
