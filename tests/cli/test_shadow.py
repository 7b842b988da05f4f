"""`headrace shadow` has a candidate asked, and tells how far off it is."""

import json

import pytest

from headrace.cli.failure import Failure
from headrace.cli.shadow import run
from tests.cli.conftest import Answer, Serve

REPORT = {
    "version": "4",
    "share": 0.1,
    "tolerance": 0.001,
    "dropped": 1,
    "failed": 2,
    "compared": 200,
    "beyond": 3,
    "share_beyond": 0.015,
    "max_absolute_difference": 0.5,
    "max_relative_difference": 0.25,
    "served_ms": {"p50": 5.0, "p99": 9.0},
    "shadow_ms": None,
}


def test_a_shadow_is_set_told_and_taken_back(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[object] = []

    def answer(path: str, headers: dict[str, str], body: bytes) -> Answer:
        asked.append(json.loads(body) if body else None)
        return 200, {}, json.dumps(REPORT).encode()

    url = serve(answer)
    run(["m", "4", "--share", "0.1", "--tolerance", "0.01", "--url", url])
    capsys.readouterr()
    run(["m", "--url", url])
    assert capsys.readouterr().out == (
        "version 4 is asked 0.1 of the requests\n"
        "compared 200, failed 2, dropped 1\n"
        "beyond 0.001: 3 (1.50%)\n"
        "largest difference 0.5, relative 0.25\n"
        "served p50 5.0 ms, p99 9.0 ms\n"
    )
    run(["m", "--remove", "--url", url])
    assert asked == [{"version": "4", "share": 0.1, "tolerance": 0.01}, None, None]


def test_what_is_not_clear_is_asked_for() -> None:
    with pytest.raises(Failure, match="leave it out"):
        run(["m", "4", "--remove"])


@pytest.mark.parametrize("flags", [["--share", "0.5"], ["--tolerance", "0"], ["--remove", "--share", "0.5"]])
def test_share_and_tolerance_are_of_a_version_that_is_asked(flags: list[str]) -> None:
    with pytest.raises(Failure, match="--share and --tolerance go with the version that is asked besides") as refused:
        run(["m", *flags])
    assert refused.value.exit_code == 2
