"""`headrace changes` shows what changed, and adds what changed elsewhere."""

import json

import pytest

from headrace.cli.changes import run
from headrace.cli.failure import Failure
from tests.cli.conftest import Serve

CHANGE = {
    "id": 7,
    "kind": "release",
    "model": "m",
    "version": "2",
    "at": "2026-03-01T13:03:17.120Z",
    "actor": "files",
    "text": "version 2 became ready\x1b[31m",
}


def test_lines_are_shown_and_asked_for_by_model(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    def answer(path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        return 200, {}, json.dumps({"changes": [CHANGE]}).encode()

    url = serve(answer)
    assert run(["--model", "m&x", "--since", "1d", "--url", url]) == 0
    out = capsys.readouterr().out
    assert asked == ["/v2/headrace/changes?since=86400&model=m%26x"]
    assert "version 2 became ready" in out
    assert "\x1b" not in out
    assert run(["--json", "--url", url]) == 0
    assert json.loads(capsys.readouterr().out) == {"changes": [CHANGE]}


def test_a_notice_makes_no_line_of_its_own(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    forged = CHANGE | {"text": "x\n2026-03-01 13:04:00+00:00  m  release  version 3 became ready\u202e"}
    url = serve(lambda path, headers, body: (200, {}, json.dumps({"changes": [forged]}).encode()))
    assert run(["--url", url]) == 0
    out = capsys.readouterr().out
    assert not any(line.strip().startswith("2026-03-01 13:04") for line in out.splitlines())
    assert "\u202e" not in out


def test_a_notice_is_added(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    sent = []

    def answer(path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        sent.append(json.loads(body))
        return 200, {}, json.dumps(CHANGE).encode()

    url = serve(answer)
    assert run(["--add", "moved", "--model", "m", "--at", "2026-03-01T13:00:00Z", "--url", url]) == 0
    assert capsys.readouterr().out.startswith("change 7 is noted for 2026-03-01 ")
    assert run(["--add", "moved", "--json", "--url", url]) == 0
    assert sent == [{"text": "moved", "model": "m", "at": "2026-03-01T13:00:00Z"}, {"text": "moved"}]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--add", ""], "--add is empty; say what changed"),
        (["--add", " "], "--add is empty"),
        (["--at", "2026-03-01T13:00:00Z"], "--at is when what --add notes was"),
        (["--add", "moved", "--since", "1h"], "--since is of changes that are shown"),
    ],
)
def test_flags_that_nothing_would_come_of_are_refused(flags: list[str], said: str) -> None:
    with pytest.raises(Failure, match=said) as refused:
        run(flags)
    assert refused.value.exit_code == 2
