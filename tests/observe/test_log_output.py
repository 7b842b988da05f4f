"""A server's lines go where its settings say, and its clients may change which."""

import asyncio
import json
import logging
import os
import signal
from pathlib import Path

import pytest

from headrace.observe.log_format import TextFormatter
from headrace.observe.log_output import begin
from headrace.observe_settings import Log

pytestmark = pytest.mark.usefixtures("loggers")


def test_lines_of_every_logger_go_to_the_file(tmp_path: Path) -> None:
    output = begin(Log("json", file=str(tmp_path / "log")))
    logging.getLogger("headrace.some").info("begun")
    logging.getLogger("uvicorn").warning("careful")
    output.writer.close()
    assert [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()] == ["begun", "careful"]


def test_tritons_settings_hold_at_once(tmp_path: Path) -> None:
    output = begin(Log(file=str(tmp_path / "log")))
    values: dict[str, bool | int | str] = {"log_info": False, "log_warning": True, "log_error": True}
    output.as_triton(values | {"log_verbose_level": 0, "log_format": "ISO8601"})
    logging.getLogger("headrace.some").info("quiet")
    logging.getLogger("headrace.some").warning("loud")
    output.writer.close()
    assert isinstance(output.form, TextFormatter)
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.startswith("20")
    assert line.endswith("loud")


async def test_a_signal_has_the_file_opened_anew_and_without_a_file_ends_the_process_as_usual(tmp_path: Path) -> None:
    output = begin(Log(file=str(tmp_path / "log")))
    output.follow_signals()
    (tmp_path / "log").rename(tmp_path / "moved")
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.sleep(0)  # the loop hears of it
    assert asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
    output.writer.close()
    plain = begin(Log())
    plain.follow_signals()
    assert not asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)
    plain.writer.close()
