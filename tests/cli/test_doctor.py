"""`headrace doctor`: what counts as wrong, and how it is shown."""

import json

import msgspec
import pytest

from headrace.cli import doctor
from headrace.cli.doctor import GIB, _rows, findings, improvements
from headrace.cli.language_kernels import Kernels
from headrace.cli.machine import Machine
from headrace.cli.main import main
from headrace.devices.inventory import Memory
from headrace.settings import Llm, Server

SOUND = Machine(
    python="3.13.1",
    system="Linux 6 x86_64",
    cores_present=8,
    cores_allowed=2.0,
    memory=Memory(8 * GIB, 4 * GIB),
    cpu_features=("avx2",),
    kernels=Kernels("headrace's own"),
    decisions="compiled",
    packages={"onnxruntime": "1", "openvino": None},
    shared_memory_bytes=GIB,
    open_files=1048576,
    memory_limit_bytes=None,
    memory_pressure="the machine",
    taken_ports={},
)


def _found(**changes: object) -> list[tuple[str, str]]:
    machine = msgspec.structs.replace(SOUND, **changes)
    return [(finding.what, finding.next_step) for finding in findings(machine)]


def test_a_sound_machine_has_nothing_wrong() -> None:
    assert _found() == []


@pytest.mark.parametrize(
    ("changes", "what", "next_step"),
    [
        ({"packages": {"onnxruntime": None, "openvino": None}}, "no runtime is installed", "pip install onnxruntime"),
        ({"shared_memory_bytes": None}, "there is no /dev/shm", "mount a tmpfs"),
        ({"shared_memory_bytes": 64 * 2**20}, "/dev/shm has 64 MiB left", "--shm-size"),
        ({"open_files": 256}, "only 256 files may be open", "ulimit -n 65536"),
        ({"memory": Memory(GIB, GIB // 2)}, "only 0.5 GiB of memory are free", "raise the memory limit"),
        (
            {"cores_allowed": 0.5},
            "the quota allows 0.5 of a core",
            "raise the processor quota",
        ),
        ({"taken_ports": {"server.http_port": "port 1 is in use; stop it"}}, "server.http_port: port 1", "stop it"),
    ],
)
def test_what_is_wrong_comes_with_the_next_step(changes: dict[str, object], what: str, next_step: str) -> None:
    ((found, step),) = _found(**changes)
    assert what in found
    assert next_step in step


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({}, ("memory pressure", "told of the machine")),
        ({"memory_pressure": None}, ("memory pressure", "not told by this kernel: memory.pressure has no effect")),
        ({}, ("memory limit", "the control group sets none")),
        ({"memory_limit_bytes": 2 * GIB}, ("memory limit", "2.0 GiB")),
    ],
)
def test_limits_and_stalls_of_memory_are_told(changes: dict[str, object], row: tuple[str, str]) -> None:
    assert row in _rows(msgspec.structs.replace(SOUND, **changes))


def test_whose_kernels_language_models_have_is_told() -> None:
    assert ("language kernels", "headrace's own") in _rows(SOUND)


def test_kernels_that_could_be_quicker_are_no_fault_and_come_with_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking = msgspec.structs.replace(SOUND, kernels=Kernels("OpenVINO's", "a C++ compiler"))
    assert list(improvements(SOUND)) == []
    monkeypatch.setattr(doctor, "look", lambda server, llm: lacking)
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "Nothing is wrong." in shown
    assert "Could be better: language models" in shown
    assert "next: these take a C++ compiler" in shown


def test_decisions_that_are_not_compiled_could_be_quicker() -> None:
    assert ("decisions", "compiled") in _rows(SOUND)
    (finding,) = improvements(msgspec.structs.replace(SOUND, decisions="as Python"))
    assert "more than twice as long" in finding.what
    assert "a C compiler" in finding.next_step


@pytest.mark.parametrize(("changes", "exit_code"), [({}, 0), ({"open_files": 256}, 1)])
def test_the_exit_code_says_whether_something_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], changes: dict[str, object], exit_code: int
) -> None:
    def look(server: Server, llm: Llm) -> Machine:
        return msgspec.structs.replace(SOUND, **changes)

    monkeypatch.setattr(doctor, "look", look)
    assert main(["doctor"]) == exit_code
    shown = capsys.readouterr().out
    assert "2 of 8 allowed" in shown
    assert ("Wrong: only 256 files" in shown) == bool(exit_code)


def test_json_has_the_facts_and_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "look", lambda server, llm: msgspec.structs.replace(SOUND, shared_memory_bytes=None))
    assert main(["doctor", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert shown["python"] == "3.13.1"
    assert shown["wrong"][0]["next_step"] == "mount a tmpfs on /dev/shm"
