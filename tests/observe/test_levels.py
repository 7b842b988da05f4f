"""Levels hold for the server, and for models that have their own."""

import logging

import pytest

from headrace.errors import SettingInvalid
from headrace.observe.levels import MODELS, Levels


def shown(levels: Levels, model: str = "") -> list[str]:
    names = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}
    return [name for number, name in names.items() if levels.shows(number, model)]


def test_lines_below_the_level_are_left_out() -> None:
    assert shown(Levels("warning")) == ["warning", "error"]


def test_a_model_has_its_own_level_until_it_follows_the_server_again() -> None:
    levels = Levels("warning")
    levels.change(models={"m": "debug", "n": "error"})
    assert (len(shown(levels, "m")), shown(levels, "n"), shown(levels, "o")) == (4, ["error"], ["warning", "error"])
    levels.change("info", {"m": None})
    assert shown(levels, "m") == ["info", "warning", "error"]
    assert (levels.level, levels.models) == ("info", {"n": "error"})


def test_nothing_changes_unless_all_is_right() -> None:
    levels = Levels()
    with pytest.raises(SettingInvalid, match=r"models\.m: 'loud' is no level; they are debug, info, warning, error"):
        levels.change("debug", {"m": "loud"})
    assert levels.level == "info"


def test_only_so_many_models_have_their_own() -> None:
    levels = Levels()
    with pytest.raises(SettingInvalid, match="at most"):
        levels.change(models={str(number): "debug" for number in range(MODELS + 1)})


def test_tritons_switches_are_each_for_themselves() -> None:
    levels = Levels()
    levels.silence({"info": True, "warning": False, "error": True}, verbose=False)
    assert shown(levels) == ["info", "error"]
    levels.silence({"info": False, "warning": True, "error": True}, verbose=True)
    assert shown(levels) == ["debug", "warning", "error"]


def test_loggers_let_through_what_anybody_wants_and_the_filter_does_the_rest() -> None:
    root = logging.Logger("root", logging.INFO)
    levels = Levels("info", root)
    levels.change(models={"m": "debug"})
    assert root.level == logging.DEBUG

    def line(**fields: str) -> logging.LogRecord:
        made = logging.LogRecord("l", logging.DEBUG, "", 1, "words", (), None)
        made.fields = fields
        return made

    assert levels.filter(line(model="m"))
    assert not levels.filter(line(model="n"))
    assert not levels.filter(line())
