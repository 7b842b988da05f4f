"""A repository elsewhere as a folder on local disk, brought up to date by rounds; what is half there is never in it."""

import asyncio
import errno
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from headrace.folder_lock import Taken, take
from headrace.remote import sums
from headrace.remote.faults import RemoteFault
from headrace.remote.fetching import fetch
from headrace.remote.listing import Listing, listing_of
from headrace.remote.plan import ROOT, Plan, is_one_model, plans
from headrace.remote.publishing import Shelf
from headrace.remote.store import Store

SIDE_BY_SIDE = 4  # files that are fetched at once
SPARE_BYTES = 16 << 20  # that are left on the disk

Progress = Callable[[str, int, int], None]
"""Told of a model, and how many of how many bytes are there."""


def no_progress(name: str, there: int, total: int) -> None:
    """Nobody looks."""


class Round(msgspec.Struct, frozen=True):
    """What came of one look: the models that were brought up to date, and why others were not."""

    published: tuple[str, ...]
    faults: tuple[str, ...]


class Mirror:
    """One repository's mirror. `path` is what is served; it is this process's from `open` to `close`."""

    def __init__(
        self,
        store: Store,
        home: Path,
        name: str,
        *,
        settle_s: float,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`settle_s`: how long a change has to be still before it is fetched."""
        self.path = self.tree(home, name)
        self._store = store
        self._home = home
        self._settle_s = settle_s
        self._sleep = sleep
        self._shelf = Shelf(home, self.path)
        self._here: Listing = {}
        self._sums: dict[str, dict[str, str]] = {}  # what each file of sums says, by its key
        self._lock: int | None = None
        self._is_sure = False  # that what is in place is as it is remembered

    @staticmethod
    def tree(home: Path, name: str) -> Path:
        """Where what is served lies, or is going to."""
        return home / "tree" / name

    @property
    def is_empty(self) -> bool:
        return not self._here

    def open(self) -> None:
        """Take the mirror for this process, and put right what a crash has left.

        Raises RemoteFault where another process has it, or the disk does not take it.
        """
        try:
            self._lock = take(self._home)
            self._here = self._shelf.recover()
            self._is_sure = True
        except Taken as taken:
            what = f"process {taken.owner} keeps the mirror in {self._home}"
            raise RemoteFault(f"{what}; stop it, or give this server another remote.dir") from None
        except OSError as error:
            raise RemoteFault(f"the mirror in {self._home} cannot be kept: {error}; give another remote.dir") from error

    def close(self) -> None:
        """Let another process have it."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def sync(self, *, settled: bool, progress: Progress = no_progress) -> Round:
        """One round: look, fetch what differs, put it in place, a model at a time.

        `settled`: whether what differs has to be the same in a second look before it is fetched. Raises RemoteFault
        where the repository cannot be looked at; a fault of one model is told and keeps back that one alone.
        """
        try:
            return await self._round(settled, progress)
        except OSError as error:
            self._is_sure = False
            raise RemoteFault(f"the mirror in {self._home} cannot be kept: {error.strerror}") from error

    async def _round(self, settled: bool, progress: Progress) -> Round:
        """As `sync`, but raises OSError too."""
        if not self._is_sure:
            self._here = await asyncio.to_thread(self._shelf.recover)
            self._is_sure = True
        todo, faults = await self._look()
        if todo and settled:
            await self._sleep(self._settle_s)
            earlier = todo
            again, faults = await self._look()
            todo = [plan for plan in again if plan in earlier]
        published = []
        for plan in todo:
            try:
                await self._follow(plan, progress)
                published.append(plan.name or "the files beside the models")
            except RemoteFault as fault:
                faults.append(str(fault))
                if not self._is_sure:
                    break
        return Round(tuple(published), tuple(faults))

    async def _look(self) -> tuple[list[Plan], list[str]]:
        """What differs now, and why some of it is not to be taken yet. Raises RemoteFault."""
        listed = listing_of(await self._store.files())
        if not listed:
            raise RemoteFault("it holds no files; give the address of a folder of models (what was there stays)")
        held: set[str] = set()
        faults: list[str] = []
        known: dict[str, str] = {}
        for path in listed:
            if sums.is_sums(path):
                try:
                    known |= await self._read_sums(path, listed)
                except RemoteFault as fault:
                    faults.append(str(fault))
                    held.add(_model_of(path))
        there, missing = sums.with_sums(listed, known)
        faults += [f"{path} is named in {sums.NAME} and is not there: its model stays as it is" for path in missing]
        held |= {_model_of(path) for path in missing}
        await asyncio.to_thread(self._forget_parts, {file.key for file in there.values()})
        return plans(self._held_back(there, held), self._here), faults

    async def _read_sums(self, path: str, listed: Listing) -> dict[str, str]:
        file = listed[path]
        if file.key not in self._sums:
            if file.size > sums.MAX_BYTES:
                raise RemoteFault(f"{path} has more than {sums.MAX_BYTES} bytes")
            content = b"".join([chunk async for chunk in self._store.read(file, 0)])
            self._sums[file.key] = sums.parse_sums(path, content)
        return self._sums[file.key]

    def _held_back(self, there: Listing, held: set[str]) -> Listing:
        """What is to be, where some models are to stay as they are."""
        if not held:
            return there
        if ROOT in held or is_one_model(there) or is_one_model(self._here):
            return self._here
        new = {path: file for path, file in there.items() if _model_of(path) not in held}
        return new | {path: file for path, file in self._here.items() if _model_of(path) in held}

    async def _follow(self, plan: Plan, progress: Progress) -> None:
        """Carry one plan out. Raises RemoteFault; then what is in place is as it was."""
        try:
            if plan.fetch:
                await self._fetch(plan, progress)
                again, _ = await self._look()
                if plan not in again:
                    raise RemoteFault(f"{plan.name or 'a file'} changed while it was fetched; it is fetched again")
            self._here = await asyncio.to_thread(self._shelf.publish, plan, self._here)
        except OSError as error:
            self._is_sure = False
            raise RemoteFault(await asyncio.to_thread(self._out_of_disk, plan, error)) from error

    async def _fetch(self, plan: Plan, progress: Progress) -> None:
        """Have all of its files among the parts. Raises RemoteFault, OSError."""
        total = sum(file.size for file in plan.fetch)
        there = 0
        free, needed = shutil.disk_usage(self._home).free, total - self._there(plan)
        if needed + SPARE_BYTES > free:
            raise OSError(errno.ENOSPC, f"it needs {needed:,} bytes, and {free:,} are free")

        def told(num_bytes: int) -> None:
            nonlocal there
            there += num_bytes
            progress(plan.name, there, total)

        places = asyncio.Semaphore(SIDE_BY_SIDE)

        async def one(number: int) -> None:
            async with places:
                await fetch(self._store, plan.fetch[number], self._shelf.parts, told)

        ended = await asyncio.gather(*map(one, range(len(plan.fetch))), return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error

    def _there(self, plan: Plan) -> int:
        """Bytes of the plan that are among the parts."""
        parts = (self._shelf.parts / name for file in plan.fetch for name in (file.key, f"{file.key}.part"))
        return sum(part.stat().st_size for part in parts if part.exists())

    def _out_of_disk(self, plan: Plan, error: OSError) -> str:
        """Why the disk did not take it. Where it is full, what came is given up: others need the room too."""
        if error.errno != errno.ENOSPC:
            return f"{plan.name} cannot be written to {self._home}: {error.strerror}"
        self._forget_parts(set())
        room = f"there is no room for {plan.name} in {self._home} ({error.strerror})"
        return f"{room}; make some, or give another remote.dir"

    def _forget_parts(self, wanted: set[str]) -> None:
        """Remove what came of files that are not there any more."""
        for part in self._shelf.parts.iterdir():
            if part.name.removesuffix(".part") not in wanted:
                part.unlink(missing_ok=True)


def _model_of(path: str) -> str:
    first, slash, _ = path.partition("/")
    return first if slash else ROOT
