"""A server's lines go where its settings say, and its clients may change which."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.observe.log_format import TextFormatter
from headrace.observe.log_output import begin
from headrace.observe.logs import LIBRARIES
from headrace.observe_settings import Log


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    """The process's loggers, put back afterwards."""
    changed = [logging.getLogger(), *(logging.getLogger(name) for name in LIBRARIES)]
    before = [(log, log.handlers[:], log.level, log.propagate) for log in changed]
    yield
    for log, handlers, level, propagate in before:
        log.handlers[:] = handlers
        log.setLevel(level)
        log.propagate = propagate


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
