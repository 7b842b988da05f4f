"""`headrace slo` shows what is promised, and what is left."""

import json
from typing import Any

import pytest

from headrace.cli.slo import run
from tests.cli.conftest import Serve

OCR: dict[str, Any] = {
    "model": "ocr",
    "period_s": 2_592_000.0,
    "objectives": [
        {
            "objective": "p99_ms",
            "target": 0.99,
            "limit_ms": 50.0,
            "good": 9950,
            "bad": 50,
            "ratio": 0.995,
            "budget_remaining": 0.5,
            "burn_rates": {"5m": 0.0, "1h": 2.5},
        }
    ],
}


def shown(serve: Serve, capsys: pytest.CaptureFixture[str], told: dict[str, Any], *flags: str) -> tuple[str, str]:
    asked = list[str]()
    url = serve(lambda path, headers, body: (asked.append(path) or 200, {}, json.dumps(told).encode()))  # type: ignore[func-returns-value]
    assert run(["--url", url, *flags]) == 0
    return asked[0], capsys.readouterr().out


def test_a_model_has_a_row_for_each_objective(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = shown(serve, capsys, OCR, "ocr/a")
    assert path == "/v2/headrace/slo/ocr%2Fa"
    assert ["ocr", "p99_ms", "50", "0.99", "99.500%", "9950", "50", "50.0%", "0", "2.5"] in map(
        str.split, out.splitlines()
    )


def test_without_a_model_all_are_shown(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    path, out = shown(serve, capsys, {"models": [OCR, {**OCR, "model": "\x1b[31m"}]})
    assert path == "/v2/headrace/slo"
    assert out.count("p99_ms") == 2
    assert "\x1b[31m" not in out


def test_where_nothing_is_promised_it_says_so(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Nothing is promised" in shown(serve, capsys, {"models": []})[1]


def test_as_json_it_is_what_the_server_says(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(shown(serve, capsys, OCR, "ocr", "--json")[1]) == OCR
