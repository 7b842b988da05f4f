"""`headrace infer`, against a server that doubles."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headrace.cli.client import HEAD_LENGTH
from headrace.cli.failure import Failure
from headrace.cli.infer import read_inputs
from headrace.cli.main import main
from headrace.types import FREE, TensorSpec
from tests.cli.conftest import Answer, Serve

SPECS = [TensorSpec("x", "FP32", (FREE, 2)), TensorSpec("n", "INT64", (1,))]
METADATA = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]}


def _doubles(path: str, headers: dict[str, str], body: bytes) -> Answer:
    """Answers `y`, which is twice `x`."""
    if not path.endswith("/infer"):
        return 200, {}, json.dumps(METADATA).encode()
    length = int(headers[HEAD_LENGTH.lower()])
    (asked,) = json.loads(body[:length])["inputs"]
    data = (np.frombuffer(body[length:], np.float32) * 2).tobytes()
    output = {"name": "y", "datatype": "FP32", "shape": asked["shape"], "parameters": {"binary_data_size": len(data)}}
    head = json.dumps({"outputs": [output]}).encode()
    return 200, {HEAD_LENGTH: str(len(head))}, head + data


def _answers(*outputs: dict[str, Any]) -> Any:
    def answers(path: str, headers: dict[str, str], body: bytes) -> Answer:
        return 200, {}, json.dumps({"outputs": outputs} if path.endswith("/infer") else METADATA).encode()

    return answers


def test_outputs_are_shown_in_a_table(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["infer", "m", "--input", "x=1,2", "--url", serve(_doubles)]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.strip().startswith("y"))
    assert line.split() == ["y", "FP32", "[1,", "2]", "2,", "4"]


def test_an_only_input_needs_no_name(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["infer", "m", "--input", "1,2", "--url", serve(_doubles), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"][0]["data"] == [2, 4]


def test_an_output_may_go_to_a_file(serve: Serve, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((3, 2), np.float32))
    files = ["--input", f"x=@{tmp_path}/x.npy", "--output", f"y=@{tmp_path}/y.npy"]
    assert main(["infer", "m", *files, "--url", serve(_doubles)]) == 0
    assert np.load(tmp_path / "y.npy").tolist() == [[2, 2], [2, 2], [2, 2]]


def test_long_outputs_are_abbreviated(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["infer", "m", "--input", "x=ones:50x2", "--url", serve(_doubles)]) == 0
    assert "2, 2, 2, 2, 2, 2, 2, 2, ... (100 in all)" in capsys.readouterr().out


def test_json_names_the_version_that_answered(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    def versioned(path: str, headers: dict[str, str], body: bytes) -> Answer:
        answer = {"model_version": "3", "outputs": []} if path.endswith("/infer") else METADATA
        return 200, {}, json.dumps(answer).encode()

    assert main(["infer", "m", "--input", "1,2", "--url", serve(versioned), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model_version"] == "3"


def test_json_has_strings_where_json_has_no_numbers(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["infer", "m", "--input", "x=[[NaN, Infinity]]", "--url", serve(_doubles), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "model_name": "m",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 2], "data": ["nan", "inf"]}],
    }


def test_bf16_is_shown_as_the_floats_that_it_is(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    url = serve(_answers({"name": "y", "datatype": "BF16", "shape": [1], "data": [0x4040]}))
    assert main(["infer", "m", "--input", "x=1,2", "--url", url]) == 0
    assert capsys.readouterr().out.split()[-1] == "3"


def test_strings_are_shown_and_saved_as_text(serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = serve(_answers({"name": "y", "datatype": "BYTES", "shape": [2], "data": ["a", "bc"]}))
    assert main(["infer", "m", "--input", "x=1,2", "--url", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"][0]["data"] == ["a", "bc"]
    assert main(["infer", "m", "--input", "x=1,2", "--url", url, "--output", f"y=@{tmp_path}/y.npy"]) == 0
    assert np.load(tmp_path / "y.npy").tolist() == [b"a", b"bc"]


def test_a_string_that_npy_cannot_keep_is_not_cut_in_silence(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = serve(_answers({"name": "y", "datatype": "BYTES", "shape": [1], "data": ["a\0"]}))
    assert main(["infer", "m", "--input", "x=1,2", "--url", url, "--output", f"y=@{tmp_path}/y.npy"]) == 1
    assert "ends in NUL, which .npy cannot keep; use --json" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_told(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = f"y=@{tmp_path}/none/y.npy"
    assert main(["infer", "m", "--input", "x=1,2", "--url", serve(_doubles), "--output", file]) == 1
    assert "output 'y' cannot be written to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "no --input is given; the model's inputs: x FP32 ?x2; n INT64 1"),
        (["y=1"], "there is no input 'y'; the model's inputs: x FP32 ?x2; n INT64 1"),
        (["x"], "--input x has no value; write --input NAME=VALUE"),
        (["n=1", "n=2"], "--input n is given twice"),
    ],
)
def test_wrong_inputs_are_named(texts: list[str], message: str) -> None:
    with pytest.raises(Failure) as refused:
        read_inputs(texts, SPECS)
    assert (str(refused.value), refused.value.exit_code) == (message, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "y=out.npy"], "a file is written @FILE.npy, as in --output y=@out.npy"),
        (["--output", "y=@a.npy", "--output", "y=@b.npy"], "--output y is given twice"),
        (["--timeout", "0"], "--timeout 0 is not a time"),
        (["--timeout", "nan"], "--timeout nan is not a time"),
    ],
)
def test_wrong_flags_are_named(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["infer", "m", "--input", "x=1", *arguments]) == 2
    assert message in capsys.readouterr().err
