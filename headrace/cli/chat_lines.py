"""What is typed or pasted in a chat: with the keys of a shell, a history that is kept, and texts of many lines."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

try:
    import readline
except ImportError:  # a Python built without it
    readline = None  # type: ignore[assignment]

QUOTES = '"""'
MAX_KEPT = 1000  # lines of the history
PROMPT, MORE = "> ", ". "


def history_file(environment: Mapping[str, str]) -> Path:
    """Where the history is kept between chats."""
    state = environment.get("XDG_STATE_HOME") or Path(environment.get("HOME") or "/nowhere") / ".local" / "state"
    return Path(state) / "headrace" / "chat_history"


def read_message(read_line: Callable[[str], str] = input) -> str:
    """One message: a line, a pasted text, or all between two lines of three quotes.

    Raises EOFError at the end of input and KeyboardInterrupt for Ctrl-C.
    """
    line = read_line(PROMPT)
    begun = line.lstrip()
    if not begun.startswith(QUOTES):
        return line.rstrip()
    lines = [begun.removeprefix(QUOTES)]
    while not lines[-1].rstrip().endswith(QUOTES):
        lines.append(read_line(MORE))
    lines[-1] = lines[-1].rstrip().removesuffix(QUOTES)
    return "\n".join(lines).strip("\n")


class History:
    """The messages of earlier chats, for the arrow keys. The file is this user's alone; without one nothing is kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = _parsed(path)
        if readline and sys.stdin.isatty():
            readline.parse_and_bind("set enable-bracketed-paste on")  # a pasted text stays one message
            readline.set_auto_history(False)
            for each in self._kept:
                readline.add_history(each)

    def add(self, message: str) -> None:
        """Keep a message, here and in the file. Where the file cannot be written the chat goes on without it."""
        if self._kept[-1:] == [message]:
            return
        self._kept = [*self._kept[1 - MAX_KEPT :], message]
        if readline:
            readline.add_history(message)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            private = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(private, "w") as file:
                file.writelines(f"{json.dumps(each)}\n" for each in self._kept)
        except OSError:
            return


def _parsed(path: Path) -> list[str]:
    """A message a line, as JSON; what is none is left out."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return [each for each in found if isinstance(each, str)][-MAX_KEPT:]
