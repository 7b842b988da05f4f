"""`headrace split` tells how requests are shared, and has them shared."""

import json

import pytest

from headrace.cli.failure import Failure
from headrace.cli.split import run
from tests.cli.conftest import Answer, Serve


def test_a_split_is_set_and_told(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[tuple[str, object]] = []

    def answer(path: str, headers: dict[str, str], body: bytes) -> Answer:
        asked.append((path, json.loads(body) if body else None))
        told = {"weights": {"3": 0.9, "4": 0.1}, "key": "tenant" if body else "", **({} if body else {"now": {"3": 1}})}
        return 200, {}, json.dumps(told).encode()

    url = serve(answer)
    assert run(["m", "3=0.9", "4=0.1", "--by", "tenant", "--url", url]) == 0
    assert run(["m", "--url", url]) == 0
    path = "/v2/headrace/models/m/split"
    assert asked == [(path, {"weights": {"3": 0.9, "4": 0.1}, "key": "tenant"}), (path, None)]
    assert capsys.readouterr().out == (
        "version 3: 0.9\nversion 4: 0.1\nby tenant\n"
        "version 3: 0.9, now 1\nversion 4: 0.1, now 0\neach request is drawn\n"
    )


def test_a_split_is_taken_back(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["m", "--remove", "--url", serve(lambda path, headers, body: (200, {}, b""))]) == 0
    assert capsys.readouterr().out == "m has no split\n"


def test_a_version_has_one_weight() -> None:
    with pytest.raises(Failure, match="version 1 is given twice") as refused:
        run(["m", "1=0.5", "1=0.5"])
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    "arguments", [["m", "3"], ["m", "3=x"], ["m", "3=nan"], ["m", "--by", "tenant"], ["m", "3=1", "--remove"]]
)
def test_what_is_not_clear_is_asked_for(arguments: list[str]) -> None:
    with pytest.raises(Failure) as caught:
        run(arguments)
    assert caught.value.exit_code == 2
