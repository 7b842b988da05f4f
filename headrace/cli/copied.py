"""A repository of another place, copied here: what that needs of libraries only this module imports."""

import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import uvloop
from rich.progress import DownloadColumn

from headrace.cache_folder import cache_folder
from headrace.cli.bar import Bar
from headrace.cli.console import console
from headrace.cli.failure import Failure
from headrace.printable import printable
from headrace.remote.address import Address
from headrace.remote.faults import RemoteFault
from headrace.remote.following import Following
from headrace.remote.mirror import Mirror
from headrace.remote.stores import store_at
from headrace.settings import Config


class Copy(msgspec.Struct, frozen=True):
    """Where the copy lies, and what keeps it up to date."""

    path: Path
    follow: Callable[[], Awaitable[None]]


@contextmanager
def copied(where: Address, config: Config) -> Iterator[Copy]:
    """The repository as it is there now, or as it was here before. Raises Failure where there is neither."""
    try:
        store = store_at(where, os.environ, config.remote.hf_mirror)
        mirror = Mirror(store, _home(where, config), where.name, settle_s=config.models.settle_s)
        mirror.open()
    except RemoteFault as fault:
        raise Failure(str(fault)) from fault
    try:
        _first_look(mirror)
        yield Copy(mirror.path, Following(mirror, config.remote.poll_s).run)
    finally:
        mirror.close()


def place_of_copy(where: Address, config: Config) -> Path:
    """Where it lies, or would. Raises Failure where there is no place for it."""
    return Mirror.tree(_home(where, config), where.name)


def _home(address: Address, config: Config) -> Path:
    cache = cache_folder(os.environ)
    folder = Path(config.remote.dir).absolute() if config.remote.dir else cache / "remote" if cache else None
    if folder is None:
        raise Failure("there is no place for a copy of the repository: neither remote.dir nor a home is set")
    return folder / address.digest


def _first_look(mirror: Mirror) -> None:
    """Bring everything here. Raises Failure where nothing is here in the end; what else is wrong is said.

    By uvloop: asyncio's own loop lets go of the interpreter while a thread of the store's wakes it, and a process that
    ends just then ends that thread within Rust, which is abort().
    """
    with _Shown() as shown:
        try:
            faults = uvloop.run(mirror.sync(settled=False, progress=shown.progress)).faults
        except RemoteFault as fault:
            faults = (str(fault),)
    if faults and mirror.is_empty:
        raise Failure(faults[0])
    for told in faults:
        print(f"headrace: {printable(told)}; what is here is served", file=sys.stderr)


class _Shown(Bar):
    """Model after model, on a terminal."""

    def __init__(self) -> None:
        super().__init__(console(sys.stderr), 36, DownloadColumn())
        self._name = ""

    def progress(self, name: str, there: int, total: int) -> None:
        if name != self._name:
            self._name = name
            self._progress.reset(self._task, description=printable(name), total=total)
        self._progress.update(self._task, completed=there, total=total)
