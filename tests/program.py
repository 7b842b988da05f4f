"""`headrace serve` as a process of its own, for tests of what a user does."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
ANY_PORTS = ("--http-port", "0", "--grpc-port", "0")


class Program:
    """A server that runs: what it told when it was ready, and where it answers."""

    def __init__(self, process: "subprocess.Popen[str]", told: str) -> None:
        self.process = process
        self.told = told
        self.http = _address(told, "HTTP on ")
        self.grpc = _address(told, "gRPC on ") if "gRPC on " in told else ""

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, and wait for its exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)


def _address(told: str, after: str) -> str:
    return re.split("[,; ]", told.split(after)[1].strip(), maxsplit=1)[0]


@contextmanager
def serving(repository: Path | str, *flags: str, source: Path = ROOT, before: Sequence[str] = ()) -> Iterator[Program]:
    """Start headrace of `source`, wait until it is ready, and be sure that it is gone afterwards; `before` is a command
    that becomes it."""
    command = [*before, sys.executable, "-m", "headrace", "serve", str(repository), *(flags or ANY_PORTS)]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    with (
        TemporaryDirectory(prefix="state-") as state,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=source, env={"XDG_STATE_HOME": state, **environment}
        ) as process,
    ):
        try:
            assert process.stdout
            told = next((line for line in process.stdout if line.startswith("Serving ")), "")
            assert told, f"it ended with {process.wait()} before it was ready"
            yield Program(process, told)
        finally:
            process.kill()
