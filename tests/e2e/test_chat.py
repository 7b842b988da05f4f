"""`headrace chat` at a terminal, against a real server."""

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.program import ROOT, serving

PATIENCE_S = 30.0


class Terminal:
    """What a user types, and sees."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._seen = b""

    def type(self, text: str) -> None:
        os.write(self._file, text.encode())

    def see(self, pattern: str) -> None:
        """Wait for what a pattern means, behind what was seen last."""
        while not (found := re.search(pattern.encode(), self._seen)):
            assert select.select([self._file], [], [], PATIENCE_S)[0], f"{pattern!r} is not in {self._seen!r}"
            self._seen += os.read(self._file, 4096)
        self._seen = self._seen[found.end() :]


@contextmanager
def chat(url: str, state: Path, *flags: str) -> Iterator[tuple[Terminal, "subprocess.Popen[bytes]"]]:
    """A session of its own, whose first terminal is this one: so Ctrl-C reaches it."""
    ours, theirs = pty.openpty()
    headrace = [sys.executable, "-m", "headrace", "chat", "fake", "--url", url, *flags]
    command = ["sh", "-c", 'exec "$@" <>"$0" >&0 2>&0', os.ttyname(theirs), *headrace]
    environment = {**os.environ, "XDG_STATE_HOME": str(state), "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:
        try:
            yield Terminal(ours), process
        finally:
            process.kill()
            os.close(theirs)
            os.close(ours)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "fake").mkdir()
    (folder / "fake" / "model.fakellm").write_text("delay_ms = 40\n")
    with serving(folder) as program:
        yield f"http://{program.http}"


def test_ctrl_c_stops_an_answer_and_a_pasted_text_is_one_message(url: str, tmp_path: Path) -> None:
    with chat(url, tmp_path) as (terminal, process):
        terminal.see("> ")
        terminal.type("Which city?\r")
        terminal.see(r"2004l\s*[a-z]")  # the line is over, and a first letter has come
        terminal.type("\x03")
        terminal.see("stopped")
        terminal.see("> ")
        terminal.type("\x1b[200~two\nlines\x1b[201~\r")
        terminal.see("first after")
        terminal.see("> ")
        terminal.type("/exit\r")
        terminal.see("/exit")
        assert process.wait(PATIENCE_S) == 0
    kept = (tmp_path / "headrace" / "chat_history").read_text().splitlines()
    assert kept == ['"Which city?"', '"two\\nlines"', '"/exit"']
