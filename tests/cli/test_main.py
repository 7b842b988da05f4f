"""The command line as a whole: verbs are found, and what goes wrong is one line and an exit code."""

import os
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from types import SimpleNamespace

import pytest

from headrace import __version__
from headrace.cli import main as cli
from headrace.cli.failure import Failure
from headrace.errors import HeadraceError, ModelNotFound, SettingInvalid


def _verb(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let every verb end in this."""

    def run(arguments: object) -> int:
        raise error

    monkeypatch.setattr(cli, "import_module", lambda name: SimpleNamespace(run=run))


def test_a_character_that_the_terminal_has_not_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding="latin-1"))
    monkeypatch.setattr(cli, "import_module", lambda name: SimpleNamespace(run=lambda arguments: print("ü 日") or 0))
    assert cli.main(["slo"]) == 0
    assert written.getvalue() == b"\xfc \\u65e5\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_names_every_verb(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert cli.main(arguments) == 0
    shown = capsys.readouterr().out
    assert all(f"  {verb} " in shown for verb in cli.VERBS)


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"headrace {__version__}\n"


def test_a_misspelled_verb_is_corrected(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serv"]) == 2
    assert capsys.readouterr().err == "headrace: there is no verb 'serv'; did you mean 'serve'?\n"


def test_an_unknown_verb_names_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["xyzzy"]) == 2
    assert capsys.readouterr().err.endswith(f"the verbs are {', '.join(cli.VERBS)}\n")


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_explains_itself(capsys: pytest.CaptureFixture[str], verb: str) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([verb, "--help"])
    assert ended.value.code == 0
    assert f"usage: headrace {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (Failure("it failed"), 1),
        (Failure("it was asked wrongly", 2), 2),
        (SettingInvalid("a setting is wrong", "server.host"), 2),
        (ModelNotFound("no such model"), 1),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Failure | HeadraceError,
    exit_code: int,
) -> None:
    _verb(monkeypatch, error)
    assert cli.main(["config"]) == exit_code
    assert capsys.readouterr().err == f"headrace: {error}\n"


def test_an_interruption_ends_quietly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _verb(monkeypatch, KeyboardInterrupt())
    assert cli.main(["config"]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("arguments", [["config", "--json"], ["config"], ["--help"]])
def test_a_reader_that_has_gone_makes_no_noise(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "headrace", *arguments]
    with os.fdopen(writer, "wb") as out:
        ended = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, check=False)
    assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize("arguments", [["config", "--json"], ["config"], ["--help"]])
def test_a_disk_that_is_full_is_one_line(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "headrace", *arguments]
    with Path("/dev/full").open("wb") as out:
        ended = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, check=False)
    told = b"headrace: the output cannot be written: No space left on device\n"
    assert (ended.returncode, ended.stderr) == (1, told)


@pytest.mark.parametrize("arguments", [["config", "--json"], ["config"], ["--help"]])
@pytest.mark.parametrize("closed", ["<&- >&-", ">&- 2>&-", ">&-"])
def test_what_is_closed_makes_no_noise(arguments: list[str], closed: str) -> None:
    command = ["sh", "-c", f'"$@" {closed}', "sh", sys.executable, "-m", "headrace", *arguments]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_help_and_import_load_no_heavy_library() -> None:
    code = "import sys; from headrace.cli.main import main; main(['--help']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"numpy", "msgspec", "rich", "uvicorn", "starlette", "grpc", "onnxruntime", "openvino", "asyncio"}
    assert not heavy & set(loaded)


def test_the_package_is_a_program() -> None:
    ended = subprocess.run([sys.executable, "-m", "headrace", "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout == f"headrace {__version__}\n"


def test_what_went_wrong_is_one_line_whatever_it_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "/no\nwhere\N{RIGHT-TO-LEFT OVERRIDE}"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert r"/no\nwhere\u202e" in told
