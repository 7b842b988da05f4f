"""`headrace config`."""

import json

import pytest

from headrace.cli.main import main
from headrace.config import SETTINGS


def test_every_setting_is_shown_with_value_source_and_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--set", "server.drain_s=7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for setting in SETTINGS.values():
        (line,) = (line for line in lines if line.split()[:1] == [setting.key])
        assert setting.meaning in line
    assert any(line.split()[:3] == ["server.drain_s", "7.0", "--set"] for line in lines)


def test_as_json_it_is_an_object_by_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--json", "--set", "log.format=json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert list(shown) == list(SETTINGS)
    assert shown["log.format"] == {"value": "json", "source": "--set", "meaning": SETTINGS["log.format"].meaning}


def test_a_wrong_setting_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--set", "log.format=xml"]) == 2
    assert "log.format: 'xml' (from --set) is not one of text, json" in capsys.readouterr().err
