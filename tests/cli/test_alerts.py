"""`headrace alerts` shows what is wrong, silences it, and prints the rules for Prometheus."""

import json
from typing import Any

import pytest

from headrace.cli.alerts import run, seconds
from headrace.cli.failure import Failure
from tests.cli.conftest import Serve

ALERT = {
    "alert": "HeadraceModelFailed",
    "severity": "page",
    "state": "firing",
    "labels": {"model": "ocr", "version": "3"},
    "summary": "ocr version 3 answered and cannot any more: \x1b[31m it died",
    "what_to_do": "look",
    "value": 1.0,
    "since": "2026-01-01T00:00:00.000Z",
    "fired": "2026-01-01T00:00:30.000Z",
    "ended": None,
    "silenced_by": None,
}
SILENCE = {
    "id": "17-1",
    "match": {"model": "ocr"},
    "until": "2026-01-01T02:00:00.000Z",
    "made": "2026-01-01T00:00:00.000Z",
    "reason": "deploying",
}
TOLD: dict[str, Any] = {
    "alerts": [ALERT, {**ALERT, "state": "pending", "silenced_by": "17-1"}],
    "silences": [SILENCE],
    "receivers": [{"name": "webhook", "sent": 3, "dropped": 1, "fault": "it answered 503"}],
}


def shown(serve: Serve, capsys: pytest.CaptureFixture[str], told: dict[str, Any], *flags: str) -> str:
    assert run(["--url", serve(lambda path, headers, body: (200, {}, json.dumps(told).encode())), *flags]) == 0
    return capsys.readouterr().out


def test_alerts_silences_and_receivers_are_shown(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(serve, capsys, TOLD)
    assert "firing" in out
    assert "pending, silenced" in out
    assert "model=ocr" in out
    assert "webhook: 3 notices sent, 1 dropped; the last did not arrive: it answered 503" in out
    assert "\x1b[31m" not in out


def test_where_nothing_is_wrong_it_says_so(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(serve, capsys, {"alerts": [], "silences": [], "receivers": []}) == "Nothing is wrong.\n"


def test_as_json_it_is_what_the_server_says(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(shown(serve, capsys, TOLD, "--json")) == TOLD


def test_a_silence_is_asked_for(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    asked = list[Any]()

    def answer(path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        asked.append((path, json.loads(body)))
        return 200, {}, json.dumps(SILENCE).encode()

    flags = ["silence", "--match", "model=ocr", "--match", "alert=X", "--for", "2h", "--reason", "deploying"]
    assert run([*flags, "--url", serve(answer)]) == 0
    sent = {"match": {"model": "ocr", "alert": "X"}, "for_s": 7200.0, "reason": "deploying"}
    assert asked == [("/v2/headrace/alerts", sent)]
    assert capsys.readouterr().out == "silence 17-1 until 2026-01-01T02:00:00.000Z\n"


def test_as_json_a_silence_and_its_end_are_what_the_server_says(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url = serve(lambda path, headers, body: (200, {}, json.dumps(SILENCE).encode()))
    assert run(["silence", "--match", "model=ocr", "--for", "2h", "--json", "--url", url]) == 0
    assert json.loads(capsys.readouterr().out) == SILENCE
    gone = serve(lambda path, headers, body: (200, {}, b""))
    assert run(["unsilence", "17-1", "--json", "--url", gone]) == 0
    assert json.loads(capsys.readouterr().out) == {}


def test_a_silence_is_taken_back(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    asked = list[str]()
    url = serve(lambda path, headers, body: (asked.append(path) or 200, {}, b""))  # type: ignore[func-returns-value]
    assert run(["unsilence", "17-1", "--url", url]) == 0
    assert asked == ["/v2/headrace/alerts/silences/17-1"]
    assert "is taken back" in capsys.readouterr().out


def test_the_rules_are_made_of_the_settings_without_a_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rules", "--set", "slo.fast.burn=7", "--url", "http://127.0.0.1:1"]) == 0
    out = capsys.readouterr().out
    assert "alert: HeadraceBudgetBurnsFast" in out
    assert "> 7 * (1 -" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["silence", "--for", "1h"], "silence needs --match LABEL=VALUE and --for TIME"),
        (["silence", "--match", "model=m"], "silence needs --match"),
        (["silence", "--match", "model", "--for", "1h"], "--match 'model' is no label"),
        (["silence", "--match", "model=m", "--match", "model=n", "--for", "1h"], "--match model is given twice"),
        (["silence", "--match", "model=m", "--for", "soon"], "--for 'soon' is not a time"),
        (["--match", "model=m"], "--match, --for and --reason are for silence, and this is list"),
        (["unsilence"], "unsilence takes one ID"),
        (["--set", "slo.fast.burn=7"], "--config and --set are for rules, and this is list"),
        (["rules", "--json"], "rules prints a file for Prometheus, which is YAML; leave out --json"),
        (["list", "17-1"], "unsilence takes one ID"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: list[str], said: str) -> None:
    with pytest.raises(Failure) as refused:
        run(arguments)
    assert str(refused.value).startswith(said)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "length_s"), [("90", 90), ("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2d", 172_800)]
)
def test_a_time_has_a_unit_or_is_seconds(text: str, length_s: float) -> None:
    assert seconds(text) == length_s
