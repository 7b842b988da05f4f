"""`headrace events` shows what happened to a model."""

import json

import pytest

from headrace.cli.events import run
from tests.cli.conftest import Serve

EVENTS = [
    {"time": 2.0, "what": "rollout", "state": "rolled back", "version": "4", "reason": "gate errors\x1b"},
    {"time": 1.0, "what": "version", "state": "READY", "version": "4", "cause": "asked for", "seconds": 0.2},
]


def test_events_are_shown_with_their_reasons(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    url = serve(lambda path, headers, body: (200, {}, json.dumps(EVENTS).encode()))
    assert run(["m", "--url", url]) == 0
    out = capsys.readouterr().out
    assert "rolled back" in out
    assert "asked for" in out
    assert "\x1b" not in out
    assert run(["m", "--json", "--url", url]) == 0
    assert json.loads(capsys.readouterr().out) == EVENTS
