"""Trace and log settings are validated and kept."""

import pytest

from headrace.errors import SettingInvalid
from headrace.protocols.oip.settings import LogSettings, Settings, TraceSettings, Values

DEFAULTS = {
    "trace_file": [""],
    "trace_level": ["OFF"],
    "trace_rate": ["1000"],
    "trace_count": ["-1"],
    "log_frequency": ["0"],
}


def test_trace_settings_start_as_tritons_defaults() -> None:
    assert TraceSettings().get() == DEFAULTS


def test_a_model_follows_the_server_except_in_what_is_its_own() -> None:
    trace = TraceSettings()
    trace.update({"trace_rate": ["5"]}, "m")
    trace.update({"trace_rate": ["9"], "trace_count": ["7"]})
    assert trace.get("m") == DEFAULTS | {"trace_rate": ["5"], "trace_count": ["7"]}
    assert trace.get("other")["trace_rate"] == ["9"]


@pytest.mark.parametrize("cleared", [None, []])
def test_clearing_a_models_setting_makes_it_follow_the_server_again(cleared: Values | None) -> None:
    trace = TraceSettings()
    trace.update({"trace_rate": ["9"]})
    trace.update({"trace_rate": ["5"]}, "m")
    assert trace.update({"trace_rate": cleared}, "m")["trace_rate"] == ["9"]


def test_clearing_the_servers_setting_brings_the_default_back() -> None:
    trace = TraceSettings()
    trace.update({"trace_rate": ["9"]})
    assert trace.update({"trace_rate": None}) == DEFAULTS


def test_off_among_the_levels_means_off() -> None:
    assert TraceSettings().update({"trace_level": ["TIMESTAMPS", "OFF"]})["trace_level"] == ["OFF"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trace_speed": ["1"]}, "trace_speed: there is no such trace setting; there are trace_file, trace_level"),
        ({"trace_level": ["LOUD"]}, "trace_level: 'LOUD' is no trace level; they are OFF, TIMESTAMPS, TENSORS"),
        ({"trace_rate": ["0"]}, "trace_rate: '0' is not an integer of 1 or more"),
        ({"trace_rate": ["x"]}, "trace_rate: 'x' is not"),
        ({"trace_rate": ["9" * 5000]}, "trace_rate: "),
        ({"trace_count": ["-2"]}, "trace_count: '-2' is not an integer of -1 or more"),
        ({"log_frequency": ["1", "2"]}, "log_frequency: takes one value, got 2"),
    ],
)
def test_a_wrong_trace_setting_is_refused(changes: dict[str, list[str]], message: str) -> None:
    with pytest.raises(SettingInvalid) as refusal:
        TraceSettings().update(changes)
    assert str(refusal.value).startswith(message)


def test_one_wrong_trace_setting_leaves_the_others_as_they_were() -> None:
    trace = TraceSettings()
    with pytest.raises(SettingInvalid):
        trace.update({"trace_rate": ["5"], "trace_count": ["x"]})
    assert trace.get() == DEFAULTS


def test_log_settings_are_kept() -> None:
    log = LogSettings()
    log.update({"log_info": False, "log_verbose_level": 2, "log_format": "ISO8601"})
    assert log.get() == {
        "log_file": "",
        "log_info": False,
        "log_warning": True,
        "log_error": True,
        "log_verbose_level": 2,
        "log_format": "ISO8601",
    }


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("log_color", True, "there is no such log setting; there are log_file, log_info"),
        ("log_info", 1, "1 is neither true nor false"),
        ("log_verbose_level", -1, "-1 is not an integer of 0 or more"),
        ("log_verbose_level", True, "True is not an integer"),
        ("log_format", "pretty", "'pretty' is no log format; they are default, ISO8601"),
        ("log_file", 3, "3 is not a string"),
    ],
)
def test_a_wrong_log_setting_is_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(SettingInvalid) as refusal:
        LogSettings().update({name: value})
    assert str(refusal.value).startswith(f"{name}: {message}")


def test_trace_and_log_settings_are_kept_together() -> None:
    settings = Settings()
    assert settings.trace.get() == DEFAULTS
    assert settings.log.get()["log_info"] is True


def test_what_is_to_be_traced_is_told_of_models_and_of_all_others() -> None:
    trace = TraceSettings()
    assert trace.wanted() == {}
    trace.update({"trace_level": ["TIMESTAMPS"], "trace_rate": ["5"]})
    trace.update({"trace_level": ["OFF"]}, "m")
    trace.update({"trace_count": ["7"]}, "n")
    assert trace.wanted() == {"": (5, -1), "m": (0, 0), "n": (5, 7)}
