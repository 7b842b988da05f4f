"""A secret is where the settings say, and is read from there."""

import os
from pathlib import Path

import pytest

from headrace.errors import SettingInvalid
from headrace.objectives.secret import secret


def test_a_value_stands_for_itself() -> None:
    assert secret("http://x/y", "k", {})() == "http://x/y"


def test_a_variable_of_the_environment_is_read() -> None:
    assert secret("env:HOOK", "k", {"HOOK": " word \n"})() == "word"


def test_a_file_is_read_each_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    read = secret(f"file:{file}", "k", {})
    assert read() == "one"
    file.write_text("two\n")
    assert read() == "two"


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("env:HOOK", "alerts.webhook: the environment has no HOOK, or it is empty"),
        ("env:EMPTY", "alerts.webhook: the environment has no EMPTY, or it is empty"),
        ("file:{}/none", "alerts.webhook: {}/none cannot be read: there is no such file"),
        ("file:{}/empty", "alerts.webhook: {}/empty cannot be read: it is empty"),
        ("file:{}/pipe", "alerts.webhook: {}/pipe cannot be read: there is no such file"),
    ],
)
def test_one_that_is_not_there_is_named_by_its_setting(said: str, fault: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SettingInvalid) as refused:
        secret(said.format(tmp_path), "alerts.webhook", {"EMPTY": ""})
    assert str(refused.value) == fault.format(tmp_path)
