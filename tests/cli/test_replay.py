"""`headrace replay` asks again and compares."""

import json
from typing import Any

import msgspec
import pytest

from headrace.cli.captured import Captured
from headrace.cli.failure import Failure
from headrace.cli.replay import Replayed, compared, run
from tests.cli.conftest import Serve
from tests.cli.test_captured import told


class Server:
    """Has captured requests, and answers each as it is told to: by its first number."""

    def __init__(self, *requests: dict[str, Any], added: int = 0) -> None:
        self.requests, self.added = list(requests), added
        self.paths: list[str] = []

    def __call__(self, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        self.paths.append(path)
        if path.startswith("/v2/headrace/captures"):
            return 200, {}, json.dumps({"captures": self.requests, "next": None}).encode()
        first, second = body[-2:]
        if first == 9:
            return 400, {}, b'{"error": "no nines"}'
        outputs = [{"name": "y", "datatype": "UINT8", "shape": [1, 2], "data": [first + self.added, second]}]
        return 200, {}, msgspec.json.encode({"model_name": "m", "outputs": outputs})


def replayed(server: Server, serve: Serve, capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[int, Any]:
    code = run(["m", "--url", serve(server), "--json", *flags])
    return code, json.loads(capsys.readouterr().out)


def test_equal_answers_are_the_same(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    server = Server(told(1), told(2), told(3, run=2))
    code, out = replayed(server, serve, capsys, "--version", "stable", "--as", "other")
    assert (code, out["requests"], out["same"], out["differs"], out["failed"]) == (0, 3, 3, 0, 0)
    assert (out["largest_difference"], out["otherwise"]) == (0.0, [])
    assert out["captured_run_ms"] == {"p50": 2.5, "p99": 2.5}
    assert server.paths[1:] == ["/v2/models/other/versions/stable/infer"] * 3


def test_what_differs_or_fails_is_named_and_is_the_exit_code(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    server = Server(told(1), told(2, value=b"\x09\2"), added=3)
    code, out = replayed(server, serve, capsys)
    assert (code, out["same"], out["differs"], out["failed"]) == (1, 0, 1, 1)
    assert out["largest_difference"] == 3.0
    assert out["otherwise"][0] == {"request": "r1", "outcome": "differs", "difference": 3.0, "why": ""}
    assert "no nines" in out["otherwise"][1]["why"]


def test_a_tolerance_and_a_share_are_allowed(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert replayed(Server(told(1), added=3), serve, capsys, "--tolerance", "3")[0] == 0
    assert replayed(Server(told(1), told(2), added=3), serve, capsys, "--allow", "1")[0] == 0
    assert replayed(Server(told(1), told(2), added=3), serve, capsys, "--allow", "0.5")[0] == 1


def test_another_server_is_asked(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    other = Server(added=0)
    code, _ = replayed(Server(told(1)), serve, capsys, "--to", serve(other))
    assert (code, other.paths) == (0, ["/v2/models/m/infer"])


def test_a_text_is_asked_for_again_and_compared(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    ask = {"prompt": {"messages": [{"role": "user", "content": "Hi"}]}, "sampling": {"temperature": 0.0}}
    texts = [
        {**told(number), "inputs": [], "outputs": [], "text": {"ask": ask, "choices": [{"text": text}]}}
        for number, text in enumerate(("Hello", "Good day"))
    ]
    asked: list[Any] = []

    def answer(path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if path.startswith("/v2/headrace/captures"):
            return 200, {}, json.dumps({"captures": texts, "next": None}).encode()
        asked.append((path, json.loads(body)["model"]))
        return 200, {}, json.dumps({"choices": [{"index": 0, "message": {"content": "Hello"}}]}).encode()

    code = run(["m", "--url", serve(answer), "--json", "--version", "2"])
    out = json.loads(capsys.readouterr().out)
    assert asked == [("/v1/chat/completions", "m:2")] * 2
    assert (code, out["same"], out["differs"]) == (1, 1, 1)
    assert out["otherwise"][0]["why"] == "from character 1 on: 'Hello', not 'Good day'"


def test_for_people_it_is_a_few_lines(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["m", "--url", serve(Server(told(1), added=1))]) == 1
    out = capsys.readouterr().out
    assert out.startswith("1 request: 0 answered the same, 1 otherwise, 0 not at all.\nThe largest difference")
    assert "r1" in out


def test_answers_that_were_not_kept_are_not_compared(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert replayed(Server({**told(1), "outputs": []}, added=5), serve, capsys)[0] == 0


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--limit", "0"], "no number of requests"),
        (["--tolerance", "nan"], "--tolerance nan is no difference; give 0 or more"),
        (["--tolerance", "inf"], "--tolerance inf is no difference"),
        (["--tolerance", "-1"], "--tolerance -1 is no difference"),
        (["--allow", "nan"], "--allow nan is no share; give 0 to 1"),
        (["--allow", "5"], "--allow 5 is no share"),
        (["--allow", "-1"], "--allow -1 is no share"),
    ],
)
def test_what_is_asked_wrongly_is_said(flags: list[str], why: str) -> None:
    with pytest.raises(Failure, match=why) as refused:
        run(["m", *flags])
    assert refused.value.exit_code == 2


def test_nothing_captured_is_a_failure(serve: Serve) -> None:
    with pytest.raises(Failure, match="nothing is captured of m"):
        run(["m", "--url", serve(Server())])


def test_without_an_answer_there_are_no_times() -> None:
    before = Captured(1, 1, "r", 2.0, 1, (), ())
    assert compared([before], [Replayed("r", "failed", None, None, "gone")])["exchange_ms"] is None
