"""The program of a language model's process, started as the server starts it."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from headrace.engine_child import await_threads, load
from headrace.errors import ModelInvalid
from headrace.llm.engine_protocol import EngineLoading
from headrace.settings import Llm
from headrace.types import Manifest
from headrace.workers import engine_wire as wire


def test_it_loads_the_model_that_it_is_told_and_ends_with_the_channel(tmp_path: Path) -> None:
    path = tmp_path / "model.fakellm"
    path.touch()
    ours, theirs = wire.channel()
    with ours, theirs:
        number = theirs.fileno()
        command = [sys.executable, "-m", "headrace.engine_child", str(os.getpid()), str(number)]
        with subprocess.Popen(command, pass_fds=[number]) as child:
            theirs.close()
            ours.sendall(wire.framed(wire.Load(EngineLoading(Manifest("m", 1, path, "fakellm"), 1, Llm()))))
            frames = wire.Frames(ours).receive()
            assert frames
            assert isinstance(wire.decode_answer(frames[0]), wire.Loaded)
            ours.close()
            assert child.wait(30) == 0


def test_it_ends_after_what_is_still_being_written_and_waits_for_no_daemon() -> None:
    never, wanted, written = threading.Event(), threading.Event(), list[str]()

    def write() -> None:
        assert wanted.wait(30)
        written.append("graph")

    daemon, writer = threading.Thread(target=never.wait, daemon=True), threading.Thread(target=write)
    for thread in (daemon, writer):
        thread.start()
    wanted.set()
    await_threads([threading.current_thread(), daemon, writer])
    assert written == ["graph"]
    assert daemon.is_alive()
    never.set()


def test_a_runtime_without_an_engine_is_refused() -> None:
    with pytest.raises(ModelInvalid, match="there is no engine 'onnx'; there are fakellm, llm"):
        load(EngineLoading(Manifest("m", 1, Path("m.onnx"), "onnx"), 1, Llm()))


def test_it_imports_no_library_that_its_model_does_not_need() -> None:
    code = "import sys, headrace.engine_child; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert not {"onnxruntime", "openvino", "tokenizers", "jinja2", "llguidance", "grpc", "uvicorn"} & set(loaded)
