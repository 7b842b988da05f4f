"""What a verb is pointed at: a path, or an address whose files are brought here first."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from headrace.cli.failure import Failure
from headrace.remote.address import Address, is_address, parse_address
from headrace.settings import Config


class Repository(msgspec.Struct, frozen=True):
    """A folder or file of models on this machine, and what keeps it up to date where it is another's."""

    path: Path
    follow: Callable[[], Awaitable[None]] | None = None


def place(text: str) -> Path | Address:
    """An absolute path, or an address. Raises Failure where nothing is at the path, SettingInvalid for an address.

    Links stay in it, for they may lead elsewhere by the next look; not those before a `..`, which is of their target.
    """
    if is_address(text):
        return parse_address(text)
    path = Path(text)
    if not path.exists():
        raise Failure(f"{path} does not exist; give a folder of models, or one model file", exit_code=2)
    parts = path.absolute().parts
    ups = len(parts) - parts[::-1].index("..") if ".." in parts else 0
    return Path(*parts[:ups]).resolve().joinpath(*parts[ups:]) if ups else path.absolute()


@contextmanager
def kept(where: Path | Address, config: Config) -> Iterator[Repository]:
    """The repository on this machine, as it is elsewhere now; what was here before, where it cannot be had.

    Raises Failure where there is neither.
    """
    if isinstance(where, Path):
        yield Repository(where)
        return
    from headrace.cli.copied import copied  # its libraries are of no use to a path, whose server starts sooner

    with copied(where, config) as copy:
        yield Repository(copy.path, copy.follow)


def local_path(where: Path | Address, config: Config) -> Path:
    """Where it lies on this machine, or would. Raises Failure where there is no place for it."""
    if isinstance(where, Path):
        return where
    from headrace.cli.copied import place_of_copy

    return place_of_copy(where, config)
