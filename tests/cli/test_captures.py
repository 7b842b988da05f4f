"""`headrace captures` lists, exports and forgets."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.arrays import from_array, join_bytes
from headrace.cli.captured import Captured
from headrace.cli.captures import line, run
from headrace.cli.failure import Failure
from headrace.types import Tensor
from tests.cli.conftest import Answer, Serve
from tests.cli.test_captured import told

SUMMARY = {"model": "m", "version": "1", "requests": 3, "bytes": 2048, "oldest": 1.0, "newest": 2.0}

EMPTY: dict[str, Any] = {"captures": [], "next": None}


def answering(*pages: dict[str, Any]) -> Any:
    left = list(pages)
    return lambda path, headers, body: (200, {}, json.dumps(left.pop(0)).encode())


def test_what_is_kept_is_a_row_for_each_version(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    other = {**SUMMARY, "model": "n"}
    assert run(["m", "--url", serve(answering({"captures": [SUMMARY, other]}))]) == 0
    out = capsys.readouterr().out
    assert "2.0 KiB" in out
    assert [line.split()[:3] for line in out.splitlines() if line.split()[:1] == ["m"]] == [["m", "1", "3"]]
    assert not [line for line in out.splitlines() if line.split()[:1] == ["n"]]


def test_where_nothing_is_kept_it_says_what_would(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--url", serve(answering({"captures": []}))]) == 0
    said = "nothing is captured of any model; capture.ratio and capture.models say of what something is\n"
    assert capsys.readouterr().out == said


def test_a_model_of_which_nothing_is_kept_is_told_from_one_that_is_not_there(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(path: str, headers: dict[str, str], body: bytes) -> Answer:
        if path.startswith("/v2/headrace/captures/nope"):
            return 404, {}, json.dumps({"error": "no 'nope' here", "code": "model_not_found"}).encode()
        if path == "/v2/repository/index":
            return 200, {}, b'[{"name": "N"}]'
        return 200, {}, json.dumps({"captures": [SUMMARY], "next": None} if path[-1] == "s" else EMPTY).encode()

    url = serve(answer)
    assert run(["N", "--url", url]) == 0
    assert capsys.readouterr().out.startswith("nothing is captured of N; ")
    with pytest.raises(Failure, match="the server answered 404: no 'nope' here; there are N"):
        run(["nope", "--json", "--url", url])


def test_rows_are_joined_for_numpy(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "m.npz"
    url = serve(answering({"captures": [told(1), told(2)], "next": None}))
    assert run(["m", "--export", str(file), "--url", url]) == 0
    with np.load(file) as kept:
        assert kept["in:x"].tolist() == [[1, 2], [1, 2]]
        assert kept["out:y"].shape == (2, 2)


def test_lines_keep_each_request_as_it_was(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "m.jsonl"
    assert run(["m", "--export", str(file), "--url", serve(answering({"captures": [told(1)], "next": None}))]) == 0
    (only,) = [json.loads(text) for text in file.read_text().splitlines()]
    assert only == {"request": "r1", "version": 1, "inputs": {"x": [[1, 2]]}, "outputs": {"y": [[1, 2]]}}


def test_as_json_an_export_says_how_much_is_where(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "m.jsonl")
    url = serve(answering({"captures": [told(1)], "next": None}))
    assert run(["m", "--export", file, "--json", "--url", url]) == 0
    assert json.loads(capsys.readouterr().out) == {"requests": 1, "file": file}


def test_texts_and_numbers_without_a_word_in_json_are_told() -> None:
    text = Tensor("t", "BYTES", (1, 2), join_bytes([b"a", b"\xff"]))
    half = Tensor("h", "BF16", (1,), b"\x80\x3f")
    each = Captured(1, 1, "r", 1.0, 1, (text, half), (from_array("y", np.array([1.5, np.nan, np.inf])),))
    assert line(each)["inputs"] == {"t": [["a", "\ufffd"]], "h": [1.0]}
    assert line(each)["outputs"] == {"y": [1.5, None, None]}


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--remove"], "say of which model"),
        (["m", "--export", "m.txt"], r"ends in \.npz or \.jsonl"),
        (["m", "--export", "m.npz", "--remove"], "--remove forgets what --export would take"),
        (["m", "--version", "9"], "--version goes with --export"),
        (["m", "--version", "9", "--remove"], "--version goes with --export"),
    ],
)
def test_what_is_asked_wrongly_is_said(flags: list[str], why: str) -> None:
    with pytest.raises(Failure, match=why):
        run(flags)


def test_what_is_forgotten_is_counted(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["m", "--remove", "--url", serve(answering({"removed": 3}))]) == 0
    assert capsys.readouterr().out == "3 captured requests are forgotten.\n"


def test_nothing_to_export_is_a_failure(serve: Serve, tmp_path: Path) -> None:
    with pytest.raises(Failure, match="nothing is captured of m"):
        run(["m", "--export", str(tmp_path / "m.npz"), "--url", serve(answering({"captures": [], "next": None}))])
