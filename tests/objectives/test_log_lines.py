"""Alerts are lines of the log too."""

import logging

import pytest

from headrace.objectives.log_lines import write
from tests.objectives.make import firing


def test_an_alert_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        write(firing())
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("WARNING", "alert is firing")]
