"""`headrace bench` against servers that answer as a test says; a real one is met in tests/e2e."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.cli.main import main
from tests.cli.conftest import Answer, Serve

METADATA = json.dumps({"name": "m", "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]}).encode()
SHORT = ("--duration", "0.3", "--warmup", "0")


def _good(path: str, headers: dict[str, str], body: bytes) -> Answer:
    if path.endswith("/infer"):
        return 200, {"x-batch-size": "2", "x-batch-reason": "full"}, b'{"outputs": []}'
    return (200, {}, METADATA) if path == "/v2/models/m" else (404, {}, b'{"error": "not here"}')


def _full(path: str, headers: dict[str, str], body: bytes) -> Answer:
    return (503, {}, b'{"error": "full"}') if path.endswith("/infer") else _good(path, headers, body)


def _every_other_full() -> Callable[[str, dict[str, str], bytes], Answer]:
    turns = itertools.cycle((_full, _good))

    def answers(path: str, headers: dict[str, str], body: bytes) -> Answer:
        return next(turns)(path, headers, body)

    return answers


def test_a_measurement_is_a_table_and_json_and_a_page(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "report.html"
    flags = ("--rate", "40", "--concurrency", "1,2", "--slo-ms", "500", "--json", "-", "--html", str(page))
    assert main(["bench", serve(_good), "m", *SHORT, *flags]) == 0
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert [each["label"] for each in report["steps"]] == ["40/s", "1 client", "2 clients"]
    assert {"offered", "throughput", "goodput", "p50_ms", "p99_ms", "shed", "client_cpu"} <= set(report["steps"][0])
    assert report["steps"][1]["batches"]["reasons"].keys() == {"full"}
    assert "40/s" in shown.err
    assert page.read_text().startswith("<!doctype html>")


def test_refusals_are_counted_and_shown_with_their_words(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", serve(_every_other_full()), "m", *SHORT, "--concurrency", "1"]) == 0
    shown = capsys.readouterr().out
    assert 'x 503 {"error": "full"}' in shown
    assert "no request was answered" not in shown


def test_a_run_without_an_answer_has_failed_and_says_why(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", serve(_full), "m", *SHORT, "--concurrency", "1"]) == 1
    shown = capsys.readouterr().out
    assert "100.0%" in shown
    assert 'x 503 {"error": "full"}' in shown
    assert "no request was answered: each was refused or failed" in shown


def test_a_run_is_recorded_and_replayed(serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace, again = tmp_path / "t.jsonl", tmp_path / "u.csv"
    url = serve(_good)
    assert (
        main(["bench", url, "m", *SHORT, "--rate", "60", "--rows", "2", "--tenant", "blue", "--record", str(trace)])
        == 0
    )
    replay = ("--arrivals", f"trace:{trace}", "--record", str(again), "--warmup", "0")
    assert main(["bench", url, "m", *replay]) == 0
    recorded = [json.loads(line) for line in trace.read_text().splitlines()]
    lines = again.read_text().splitlines()[1:]
    assert len(lines) == len(recorded) > 5
    assert lines[0] == f"{recorded[0]['offset_s']:.6f},2,0,blue"


def test_a_model_that_is_not_there_is_told(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", serve(_good), "other"]) == 1
    assert "headrace: not here; the server has no such model ready" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "http://127.0.0.1:1", "m"]) == 1
    assert "no server answers at http://127.0.0.1:1 (connection refused); start one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--lengths", "5"], "--lengths: this model's inputs have no free dimension"),
        (["--input", "y=1"], "there is no input 'y'"),
    ],
)
def test_inputs_that_the_model_does_not_have_are_told(
    flags: list[str], message: str, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", serve(_good), "m", *flags]) == 2
    assert message in capsys.readouterr().err


def test_rows_of_a_model_that_takes_one_are_told(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    fixed = METADATA.replace(b"-1", b"1")
    assert main(["bench", serve(lambda path, headers, body: (200, {}, fixed)), "m", "--rows", "3"]) == 2
    assert "requests of 3 rows: the first dimension of this model's inputs is not free" in capsys.readouterr().err


def test_a_language_model_is_asked_by_chat_or_with_a_text_that_is_given(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    named = [{"name": name, "datatype": "BYTES", "shape": [1]} for name in ("text_input", "sampling_parameters")]
    told = json.dumps({"name": "m", "inputs": named}).encode()
    assert main(["bench", serve(lambda path, headers, body: (200, {}, told)), "m"]) == 2
    assert "ask it with --protocol chat, or say what with --input text_input=TEXT" in capsys.readouterr().err


def test_inputs_that_are_given_are_sent(serve: Serve) -> None:
    sent: list[bytes] = []

    def keep(path: str, headers: dict[str, str], body: bytes) -> Answer:
        sent.append(body)
        return _good(path, headers, body)

    assert main(["bench", serve(keep), "m", *SHORT, "--concurrency", "1", "--input", "x=7,7,7,7"]) == 0
    assert sent[1].endswith(b"\x00\x00\xe0\x40" * 4)
