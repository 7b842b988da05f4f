"""`headrace why` shows what changed for a model."""

import json

import pytest

from headrace.cli.failure import Failure
from headrace.cli.why import moment, run, seconds_of
from tests.cli.conftest import Serve

FINDING = {
    "signal": "latency",
    "at": "2026-03-01T13:03:20.000Z",
    "ratio": 2.1,
    "cause": {"kind": "release", "event": {"id": 118, "at": "2026-03-01T13:03:17.120Z", "actor": "files\x1b[31m"}},
    "score": 0.96,
    "evidence": ["p50 went from 10.2 to 21.4 ms", "\x1b]0;title"],
}


def test_findings_are_shown_with_their_evidence(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    def answer(path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        return 200, {}, json.dumps({"findings": [FINDING]}).encode()

    url = serve(answer)
    assert run(["a/b", "--since", "10m", "--url", url]) == 0
    out = capsys.readouterr().out
    assert asked == ["/v2/headrace/why/a%2Fb?since=600"]
    assert "latency x2.1  release (96%)" in out
    assert "p50 went from 10.2 to 21.4 ms" in out
    assert "change 118" in out
    assert "\x1b" not in out
    assert run(["a/b", "--json", "--url", url]) == 0
    assert json.loads(capsys.readouterr().out) == {"findings": [FINDING]}


def test_evidence_makes_no_line_of_its_own(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    forged = FINDING | {"evidence": ["moved\n2026-03-01 13:04:00+00:00  latency x9  release"]}
    url = serve(lambda path, headers, body: (200, {}, json.dumps({"findings": [forged]}).encode()))
    assert run(["m", "--url", url]) == 0
    assert r"moved\n2026-03-01" in capsys.readouterr().out


def test_nothing_found_is_said(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    url = serve(lambda path, headers, body: (200, {}, b'{"findings": []}'))
    assert run(["m", "--url", url]) == 0
    assert capsys.readouterr().out == "nothing of m changed for the worse in the last 1h\n"


def test_times_are_read_as_people_write_them() -> None:
    assert [seconds_of(said) for said in ("90", "90s", "10m", "2h", "1d")] == [90, 90, 600, 7200, 86_400]
    for said in ("", "0", "1w", "-1h", "h"):
        with pytest.raises(Failure, match="--since"):
            seconds_of(said)


def test_a_moment_that_is_none_is_shown_as_it_is() -> None:
    assert moment("soon\x1b") == r"soon\x1b"
