"""`headrace top` shows what every version does now."""

import json
from typing import Any

import pytest

from headrace.cli.failure import Failure
from headrace.cli.top import run
from tests.cli.conftest import Serve

MIB = 1 << 20


def row(name: str, **facts: Any) -> dict[str, Any]:
    usual = {
        "name": name,
        "version": "1",
        "state": "READY",
        "reason": "",
        "rate": 0.0,
        "errors_per_s": 0.0,
        "p50_ms": None,
        "p99_ms": None,
        "rows": None,
        "queued": 0,
        "memory_bytes": None,
        "labels": [],
    }
    return {**usual, **facts}


SERVER = {
    "name": "headrace",
    "version": "1.2.3",
    "uptime_s": 3700,
    "in_flight": 4,
    "memory_bytes": 100 * MIB,
    "budget_bytes": 512 * MIB,
}
TOLD = {
    "server": SERVER,
    "models": [
        row("idle", memory_bytes=20 * MIB),
        row("busy", rate=1234.5, errors_per_s=0.25, p50_ms=4.567, p99_ms=2345.6, rows=3.5, queued=7, labels=["stable"]),
        row("broken", state="UNAVAILABLE", reason="no model file", version=""),
    ],
}


def shown(serve: Serve, capsys: pytest.CaptureFixture[str], *flags: str) -> str:
    assert run(["--url", serve(lambda path, headers, body: (200, {}, json.dumps(TOLD).encode())), *flags]) == 0
    return capsys.readouterr().out


def test_every_version_is_a_row_and_the_busiest_is_first(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(serve, capsys).splitlines()
    assert lines[0].startswith("headrace 1.2.3, up 1 h 1 min: 2 of 3 versions ready, 1,234 requests/s, 4 under way")
    assert lines[0].rstrip().endswith("memory 100.0 MiB of 512.0 MiB")
    rows = [" ".join(line.split()) for line in lines if line.split()[:1] in (["busy"], ["broken"], ["idle"])]
    assert rows[0] == "busy 1 (stable) ready 1,234 0.25 4.57 ms 2.35 s 3.5 7 –"
    assert rows[1] == "broken unavailable 0 0 – – – 0 –"
    assert rows[2] == "idle 1 ready 0 0 – – – 0 20.0 MiB"


def test_another_order_is_asked_for(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(serve, capsys, "--sort", "memory", "--once").splitlines()
    names = [line.split()[0] for line in lines if line.split()[:1] in (["busy"], ["broken"], ["idle"])]
    assert names == ["idle", "broken", "busy"]


def test_a_name_cannot_drive_the_terminal(
    serve: Serve, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TOLD, "models", [row("a\x1b[2Jb")])
    assert "\x1b" not in shown(serve, capsys)


def test_as_json_it_is_what_the_server_says(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(shown(serve, capsys, "--json")) == TOLD


def test_a_time_that_is_none_is_refused() -> None:
    for said in ("0", "inf"):
        with pytest.raises(Failure, match=f"--every {said} is not a time"):
            run(["--every", said])
