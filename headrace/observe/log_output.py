"""Where a server's lines go, in which form, and which of them: made at its start, changed while it runs."""

import asyncio
import logging
import signal
import time
from collections.abc import Mapping
from typing import NamedTuple

from headrace.observe import logs
from headrace.observe.levels import Levels
from headrace.observe.log_format import JsonFormatter, TextFormatter
from headrace.observe.log_writer import LogWriter, open_writer
from headrace.observe.repeats import Repeats
from headrace.observe_settings import Log


class LogOutput(NamedTuple):
    """The writer of all lines, what it is handed, and the levels in force."""

    writer: LogWriter
    form: JsonFormatter | TextFormatter
    levels: Levels

    def follow_signals(self) -> None:
        """From now on SIGHUP has the file opened anew, where there is one; else it ends the process, as is usual.

        Called on the event loop.
        """
        if self.writer.has_file:
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.writer.reopen)

    def as_triton(self, values: Mapping[str, bool | int | str]) -> None:
        """What Triton's logging extension was told holds from now on."""
        written = {name: bool(values[f"log_{name}"]) for name in ("info", "warning", "error")}
        self.levels.silence(written, bool(values["log_verbose_level"]))
        if isinstance(self.form, TextFormatter):
            self.form.dated = values["log_format"] == "ISO8601"


def begin(log: Log) -> LogOutput:
    """All loggers of the process write there from now on. Raises SettingInvalid where its file cannot be had."""
    writer = open_writer(log.file, log.max_bytes, log.keep)
    levels = Levels(log.level, logging.getLogger())
    form = logs.set_up(log.format, log.level, writer, [levels.filter, Repeats(time.monotonic_ns).filter])
    return LogOutput(writer, form, levels)
