"""`headrace serve` up to the point where the server is built: what is refused before anything is loaded."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.cli.failure import Failure
from headrace.cli.main import main
from headrace.cli.serve import refuse_open_address, refuse_taken_port
from headrace.settings import Server
from tests.program import serving

FAKE = """
inputs = [{ name = "x", shape = [-1, 4] }]
outputs = [{ name = "y", shape = [-1, 2], value = "slice" }]
"""


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_path_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(tmp_path / "none")]) == 2
    assert "none does not exist; give a folder of models, or one model file\n" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_an_address_that_others_reach_is_refused_with_what_to_do(host: str) -> None:
    with pytest.raises(Failure, match=r"serve on 127\.0\.0\.1, or allow it with --insecure") as refused:
        refuse_open_address(Server(host=host))
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_permission(host: str) -> None:
    refuse_open_address(Server(host=host))


def test_insecure_allows_any_address() -> None:
    refuse_open_address(Server(host="0.0.0.0", insecure=True))


def test_a_taken_port_is_named_with_the_flag_that_changes_it(
    taken: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", str(tmp_path), "--http-port", str(taken), "--grpc-port", "0"]) == 2
    message = f"port {taken} of 127.0.0.1 is in use; stop what listens there, or choose another with --http-port"
    assert message in capsys.readouterr().err


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(Failure, match="choose an address of this machine with --host"):
        refuse_taken_port("192.0.2.1", 0, "--http-port")


def test_one_port_for_both_fronts_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    assert main(["serve", str(tmp_path), "--http-port", port, "--grpc-port", port]) == 2
    assert f"HTTP and gRPC both ask for port {port}" in capsys.readouterr().err


def test_a_wrong_flag_names_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", str(tmp_path), "--http-port", "http"]) == 2
    assert "server.http_port: 'http' (from --http-port) is not a whole number" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_tells_what_it_serves_and_ends_with_0_when_it_is_stopped(
    tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "slice.fake").write_text(FAKE)
    with serving(tmp_path / "slice.fake") as server:
        assert server.told.startswith("Serving 1 model version: HTTP on 127.0.0.1:")
        assert "gRPC on 127.0.0.1:" in server.told
        assert server.stop(number) == 0


UNREAD = """
import sys
from headrace import app
from headrace.cli.main import main

def run(config, repository, announce, *more):
    announce(app.Ready("127.0.0.1:1", None, (), (), 0.1, False))
    print("goes on", file=sys.stderr)
    return 0

app.run = run
sys.exit(main(["serve", {folder!r}, "--http-port", "0", "--grpc-port", "0"]))
"""


def test_a_server_goes_on_when_nobody_reads_what_it_tells(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as out:
        command = [sys.executable, "-c", UNREAD.format(folder=str(tmp_path))]
        ended = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "goes on\n")


@pytest.mark.slow
def test_a_broken_model_does_not_keep_the_others_from_being_served(tmp_path: Path) -> None:
    (tmp_path / "slice.fake").write_text(FAKE)
    (tmp_path / "empty.onnx").write_bytes(b"")
    with serving(tmp_path) as server:
        assert server.told.startswith("Serving 1 model version (1 unavailable): ")


SIGNALLED_IN_A_CALLBACK = """
import os, signal, sys, weakref
from headrace.cli.serve import _stop
class Lock: ...
lock = Lock()
seen = weakref.ref(lock, lambda gone: os.kill(os.getpid(), signal.SIGTERM))
signal.signal(signal.SIGTERM, _stop)
del lock
sys.exit(3)
"""


def test_a_stop_is_not_lost_where_exceptions_are_ignored() -> None:
    command = [sys.executable, "-c", SIGNALLED_IN_A_CALLBACK]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
