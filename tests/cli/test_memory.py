"""`headrace memory` shows what is reserved and what is measured."""

import json
from typing import Any

import pytest

from headrace.cli.memory import run
from tests.cli.conftest import Serve

MIB = 1 << 20
TOLD: dict[str, Any] = {
    "budget_bytes": 512 * MIB,
    "reserved_bytes": 300 * MIB,
    "measured_bytes": 290 * MIB,
    "free_bytes": 212 * MIB,
    "pressure": {"some": 1.0, "full": 0.5, "of": "the machine"},
    "parts": [{"part": "server", "reserved_bytes": 100 * MIB, "measured_bytes": 100 * MIB}],
    "models": [
        {
            "name": "m",
            "version": "3",
            "stage": "resident",
            "pinned": True,
            "reserved_bytes": 200 * MIB,
            "measured_bytes": 190 * MIB,
        }
    ],
}


def shown(serve: Serve, capsys: pytest.CaptureFixture[str], told: dict[str, Any], *flags: str) -> str:
    assert run(["--url", serve(lambda path, headers, body: (200, {}, json.dumps(told).encode())), *flags]) == 0
    return capsys.readouterr().out


def test_every_holder_is_a_row(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(serve, capsys, TOLD)
    rows = [line.split() for line in out.splitlines()]
    assert ["server", "100.0", "MiB", "100.0", "MiB"] in rows
    assert ["m/3", "resident,", "pinned", "200.0", "MiB", "190.0", "MiB"] in rows
    assert ["all", "300.0", "MiB", "290.0", "MiB"] in rows
    assert "Budget 512.0 MiB, of which 212.0 MiB are free." in out


def test_without_a_budget_it_says_so(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(serve, capsys, {**TOLD, "budget_bytes": None, "free_bytes": None, "pressure": None})
    assert "No budget; memory.budget sets one." in out
    assert "Stalled" not in out


def test_as_json_it_is_what_the_server_says(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(shown(serve, capsys, TOLD, "--json")) == TOLD
