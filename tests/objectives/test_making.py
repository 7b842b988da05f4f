"""Objectives are made of the settings, and of places where the server writes."""

from pathlib import Path

import pytest

from headrace.config import load_config
from headrace.errors import SettingInvalid
from headrace.objectives.making import make_objectives, watched_by
from headrace.objectives.objectives import Asked, Objectives

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
