"""Looks after the repository's files, and tells which models changed once they have been still."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from pathlib import Path

from headrace.errors import HeadraceError
from headrace.lasting import lasting
from headrace.repository.file_facts import being_written
from headrace.repository.links import links
from headrace.repository.repository import LocalRepository
from headrace.repository.settling import Settling

log = logging.getLogger(__name__)

IDLE_SHARE = 50  # a look that takes long is taken so much seldomer
GATHER_MS = 50  # that the first notice of the kernel waits for others


class Watch:
    """One repository under watch. The kernel's notices only say when to look; where it gives none, time does."""

    def __init__(
        self,
        repository: LocalRepository,
        changed: Callable[[str], None],
        *,
        settle_s: float,
        poll_s: float,
    ) -> None:
        """`changed` is called with the name of a model that came, changed or went; it returns at once."""
        self._repository = repository
        self._changed = changed
        self._settle_s = settle_s
        self._poll_s = poll_s
        self._settling = Settling({}, 0)
        self._wake = asyncio.Event()
        self._leads_to = repository.path.resolve()
        self._led_elsewhere = asyncio.Event()
        self._unreadable = ""

    async def begin(self) -> None:
        """Remember what is there: what changes from now on is told. Raises SettingInvalid as the repository does."""
        known = await asyncio.to_thread(self._repository.snapshot)
        self._settling = Settling(known, int(self._settle_s * 1e9))

    async def run(self) -> None:
        """Look for changes until cancelled."""
        notices = asyncio.create_task(self._notices())
        try:
            while True:
                started = time.monotonic()
                with lasting("looking for changes of the repository"):
                    await self.look(time.monotonic_ns())
                took = time.monotonic() - started
                await self._pause(max(self._settle_s if self._settling.restless else self._poll_s, took * IDLE_SHARE))
        finally:
            notices.cancel()
            await asyncio.gather(notices, return_exceptions=True)

    async def look(self, now_ns: int) -> None:
        """One look. A repository that cannot be read has not changed."""
        if (leads_to := self._repository.path.resolve()) != self._leads_to:
            self._leads_to = leads_to
            self._led_elsewhere.set()
        try:
            seen = await asyncio.to_thread(self._repository.snapshot)
        except HeadraceError as error:
            self._tell_unreadable(str(error))
            return
        self._tell_unreadable("")
        for name in self._settling.see(seen, now_ns):
            if not await asyncio.to_thread(being_written, seen.get(name, ())):
                self._settling.tell(name)
                self._changed(name)

    async def _pause(self, seconds: float) -> None:
        """Until the kernel tells of a change, or so long. What is restless is not looked at sooner for more notices."""
        if self._settling.restless:
            await asyncio.sleep(seconds)
        else:
            try:
                await asyncio.wait_for(self._wake.wait(), seconds)
            except TimeoutError:
                pass
        self._wake.clear()

    async def _notices(self) -> None:
        """Have the kernel tell of what the path leads to, and of links on the way; anew once it leads elsewhere."""
        while True:
            self._led_elsewhere.clear()
            path = self._repository.path.resolve()
            folder, recursive = (path, True) if path.is_dir() else (path.parent, False)
            told = [self._heed([folder], recursive=recursive)]
            if on_the_way := links(self._repository.path):
                told.append(self._heed({link.parent for link in on_the_way}, only={str(link) for link in on_the_way}))
            await asyncio.gather(*told)
            await self._led_elsewhere.wait()

    async def _heed(self, folders: Collection[Path], *, recursive: bool = False, only: Collection[str] = ()) -> None:
        """Look soon after what happens in these folders, or to these of their entries alone, until they are others."""
        from watchfiles import awatch

        try:
            async for _ in awatch(
                *folders,
                watch_filter=(lambda _, path: path in only) if only else None,
                step=GATHER_MS,
                debounce=GATHER_MS,
                recursive=recursive,
                rust_timeout=0,
                stop_event=self._led_elsewhere,
            ):
                self._wake.set()
        except (OSError, RuntimeError) as error:  # too many folders, or a path that went away
            log.warning("the kernel tells of no changes to the models (%s); they are looked at", error)

    def _tell_unreadable(self, reason: str) -> None:
        if reason and reason != self._unreadable:
            log.warning("the models cannot be watched now: %s; what is served goes on", reason)
        self._unreadable = reason
