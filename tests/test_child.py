"""The worker's program, started as the server starts it."""

import os
import subprocess
import sys
from pathlib import Path

from headrace.runtimes.load import Loading
from headrace.types import Manifest
from headrace.workers import wire

MODEL = """
inputs = [{ name = "x", shape = [-1, 2] }]
outputs = [{ name = "y", shape = [-1, 2] }]
"""


def test_it_loads_the_model_that_it_is_told_and_ends_with_the_channel(tmp_path: Path) -> None:
    path = tmp_path / "model.fake"
    path.write_text(MODEL)
    ours, theirs = wire.channel()
    with ours, theirs:
        number = theirs.fileno()
        command = [sys.executable, "-m", "headrace.child", str(os.getpid()), str(number)]
        with subprocess.Popen(command, pass_fds=[number]) as child:
            theirs.close()
            ours.send(wire.encode(wire.Load(Loading(Manifest("m", 1, path, "fake"), 1, 64, 1e-3))))
            answer = wire.decode_answer(ours.recv(wire.MAX_MESSAGE_BYTES))
            assert isinstance(answer, wire.Loaded)
            ours.close()
            assert child.wait(30) == 0


def test_it_ends_with_the_server_even_if_its_model_never_does(tmp_path: Path) -> None:
    path = tmp_path / "model.fake"
    os.mkfifo(path)  # whoever opens it waits for a writer
    ours, theirs = wire.channel()
    with ours, theirs:
        number = theirs.fileno()
        command = [sys.executable, "-m", "headrace.child", str(os.getpid()), str(number)]
        with subprocess.Popen(command, pass_fds=[number]) as child:
            theirs.close()
            ours.send(wire.encode(wire.Load(Loading(Manifest("m", 1, path, "fake"), 1, 64, 1e-3))))
            ours.close()
            assert child.wait(30) == 1


def test_it_imports_no_library_that_its_model_does_not_need() -> None:
    code = "import sys, headrace.child; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert not {"onnxruntime", "openvino", "grpc", "uvicorn", "starlette", "rich"} & set(loaded)
