"""Puts what was fetched in place of what was there, so that a crash at any moment is put right by the next start.

Everything is laid ready first; then a journal says which renames are to come; they are done, in an order in which each
of them leaves whole versions only; then the journal goes. A start that finds a journal does what is left of it.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from headrace.remote.listing import Listing, RemoteFile
from headrace.remote.plan import Plan, record_after

T = TypeVar("T")
Rename = Callable[[Path, Path], object]


class Move(msgspec.Struct, frozen=True):
    """One step. `ready`: what is put at the target; without it the target is taken away."""

    target: str
    aside: str  # where what is at the target goes
    ready: str = ""


class Journal(msgspec.Struct, frozen=True):
    """The steps to come, and what the mirror holds after them."""

    moves: tuple[Move, ...]
    record: dict[str, RemoteFile]


class Shelf:
    """One mirror on disk: `tree` is what is served, everything else lies beside it. One process has it at a time."""

    def __init__(self, home: Path, tree: Path, rename: Rename = Path.rename) -> None:
        """`rename` is how anything in the tree is changed."""
        self.tree = tree
        self.parts = home / "parts"
        self._ready = home / "ready"
        self._aside = home / "aside"
        self._journal = home / "journal.json"
        self._record = home / "record.json"
        self._rename = rename

    def recover(self) -> Listing:
        """Do what a journal left to do, and tell what is in place. What is not as it was recorded does not count.

        Raises OSError.
        """
        self.parts.mkdir(parents=True, exist_ok=True)
        self.tree.parent.mkdir(exist_ok=True)
        journal = _read(self._journal, Journal)
        if journal is not None:
            self._carry_out(journal)
        self.tree.mkdir(exist_ok=True)
        self._tidy()
        record = _read(self._record, dict[str, RemoteFile]) or {}
        return {path: file for path, file in record.items() if _has_size(self.tree / path, file.size)}

    def publish(self, plan: Plan, here: Listing) -> Listing:
        """Carry the plan out; every file that it fetches is among the parts, by its key. Returns what is in place.

        Raises OSError; then either nothing was changed, or `recover` does the rest.
        """
        self._tidy()
        reused = set(plan.reuse)
        moves = [Move(target, f"clear{number}") for number, target in enumerate(plan.clear)]
        for number, unit in enumerate(plan.place):
            ready = self._ready / str(number)
            for file in unit.files:
                place = ready / file.path.removeprefix(unit.target).lstrip("/") if unit.is_folder else ready
                place.parent.mkdir(parents=True, exist_ok=True)
                if file.path in reused:
                    _link(self.tree / file.path, place)
                else:
                    (self.parts / file.key).rename(place)
            moves.append(Move(unit.target, f"place{number}", str(number)))
        moves += [Move(target, f"remove{number}") for number, target in enumerate(plan.remove)]
        journal = Journal(tuple(moves), dict(record_after(plan, here)))
        write_whole(self._journal, msgspec.json.encode(journal))
        self._carry_out(journal)
        self._tidy()
        return journal.record

    def _carry_out(self, journal: Journal) -> None:
        self._aside.mkdir(exist_ok=True)
        for move in journal.moves:
            if move.ready:
                self._place(self._ready / move.ready, self.tree / move.target, self._aside / move.aside)
            else:
                self._remove(self.tree / move.target, self._aside / move.aside)
        self.tree.mkdir(exist_ok=True)
        write_whole(self._record, msgspec.json.encode(journal.record))
        self._journal.unlink()

    def _place(self, ready: Path, target: Path, aside: Path) -> None:
        """Where nothing is ready any more it was done already."""
        if not ready.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and (ready.is_dir() or target.is_dir()):  # a file takes a file's place at once
            while aside.exists():  # from before a crash, and something was put there since
                aside = aside.with_name(f"{aside.name}.")
            self._rename(target, aside)
        self._rename(ready, target)

    def _remove(self, target: Path, aside: Path) -> None:
        """Where there is something aside it was done already: what is at the target now came later."""
        if aside.exists():
            return
        if target.exists():
            self._rename(target, aside)
        else:
            aside.mkdir()
        self._sweep(target.parent)

    def _sweep(self, folder: Path) -> None:
        """Take away folders that hold nothing any more."""
        while folder != self.tree and folder.is_relative_to(self.tree):
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _tidy(self) -> None:
        for folder in (self._ready, self._aside):
            shutil.rmtree(folder, ignore_errors=True)


def write_whole(path: Path, content: bytes) -> None:
    """A file that is there whole or not at all, also after the power fails. Raises OSError."""
    beside = path.with_name(f"{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _read(path: Path, kind: type[T]) -> T | None:
    """What is written there; None where nothing is, or nothing that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _link(there: Path, here: Path) -> None:
    """The same file in two places; a copy where the file system has no links."""
    try:
        os.link(there, here)
    except OSError:
        shutil.copyfile(there, here)
