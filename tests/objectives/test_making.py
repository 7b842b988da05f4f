"""Objectives are made of the settings, and of places where the server writes."""

import json
from pathlib import Path

import pytest

from headrace.config import load_config
from headrace.errors import SettingInvalid
from headrace.objectives import forms
from headrace.objectives.making import make_objectives, watched_by
from headrace.objectives.notices import Notice
from headrace.objectives.objectives import Asked, Objectives
from tests.objectives.make import firing

ROOT = Path(__file__).parents[2]
ASKED = Asked(lambda version: None, lambda: (), dict, dict)


def made(settings: str, folder: Path) -> Objectives:
    file = folder / "headrace.toml"
    file.write_text(settings)
    return make_objectives(load_config(file).config, ASKED, folder, lambda: 1.0, {"HOOK": "http://x", "HOME": "/"})


def test_every_receiver_that_is_set_is_told_of(tmp_path: Path) -> None:
    told = made('[alerts]\nwebhook = "env:HOOK"\nalertmanager = "http://y:9093"\n', tmp_path).told()
    assert [each["name"] for each in told["receivers"]] == ["webhook", "alertmanager"]


def test_a_secret_that_is_nowhere_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match=r"alerts\.webhook: the environment has no NONE"):
        made('[alerts]\nwebhook = "env:NONE"\n', tmp_path)


def test_the_bounds_are_those_of_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "headrace.toml"
    file.write_text("memory = { pressure = 70 }\nslo = { fast = { burn = 2 } }\nalerts = { for_s = 1 }\n")
    watched = watched_by(load_config(file).config)
    assert (watched.pressure, watched.slo.fast.burn, watched.alerts.for_s) == (70, 2, 1)


def test_the_settings_that_the_documentation_shows_can_be_served(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "alerts.md").read_text()
    shown = text[text.index("[alerts]\n") :].split("```")[0]
    (tmp_path / "smtp").write_text("s3cret")
    file = tmp_path / "headrace.toml"
    file.write_text(shown.replace("/run/secrets/smtp", str(tmp_path / "smtp")))
    environment = {"OPS_WEBHOOK": "https://hooks.example.org/1"}
    told = make_objectives(load_config(file).config, ASKED, tmp_path, lambda: 1.0, environment).told()
    assert [each["name"] for each in told["receivers"]] == ["webhook", "alertmanager", "email"]


def test_what_the_documentation_shows_of_a_notice_is_what_one_has() -> None:
    text = (ROOT / "docs" / "alerts.md").read_text()
    shown = json.loads(text[text.index("## Webhook") :].split("```json")[1].split("```")[0])
    made = json.loads(forms.webhook(Notice("g", (firing(),), (), 1.0), "host:8000"))
    assert shown.keys() == made.keys()
    assert shown["alerts"][0].keys() == made["alerts"][0].keys()
