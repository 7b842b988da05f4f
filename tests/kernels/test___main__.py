"""The command that makes the library says what there is, and never fails."""

import pytest

from headrace.kernels import __main__ as program
from headrace.kernels.library import NEEDED, Library


def told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, made: Library) -> str:
    monkeypatch.setattr(program, "make", lambda: made)
    program.main()
    return capsys.readouterr().out


def test_it_says_what_is_missing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "cpu_features", lambda: ("avx512f",))
    assert "this processor has no amx_bf16, amx_int8, amx_tile" in told(capsys, monkeypatch, Library(None))
    monkeypatch.setattr(program, "cpu_features", lambda: tuple(NEEDED))
    assert "OpenVINO's are used; ours need a compiler" in told(capsys, monkeypatch, Library(None, "a compiler"))
