"""What loading a version takes: learnt from earlier loads, else estimated from its files. Owns only what it learns."""

from collections import deque
from collections.abc import Callable

import msgspec

from headrace.types import Signature

FACTOR = 2.2
"""A file's bytes in memory while a runtime reads it: the file's pages, and the weights that are made of them."""

WEIGHTS_FACTOR = 2.0
"""The weights' bytes in memory, beside a file that holds them smaller: as they are made, and as they are used."""

OVERHEAD_BYTES = 64 << 20
OVERHEAD_OF_LANGUAGE_BYTES = 256 << 20
"""Of a process whatever it loads, until the first of its kind has shown its own."""

RECENT = 8
"""Loads of a runtime that say what its processes take: how much of their libraries others share changes with time."""

NEWS = 0.1
NEWS_BYTES = 1 << 20
"""A change by so much of what was known, and by so many bytes, is kept."""

SMOOTH = 0.3
"""How much the last load says of the time that the next is going to take."""


class Profile(msgspec.Struct, frozen=True):
    """What is known of one version's files as they are now."""

    file_bytes: int
    runtime: str
    peak_bytes: int  # while it was loaded
    growth_bytes: int  # the most that it grew by afterwards
    load_s: float
    signature: Signature | None = None  # what it takes and gives, found by loading it
    processes: int = 1
    held_bytes: int = 0  # the least that was measured of it afterwards; 0: not known
    weights_bytes: int = 0  # as `Files`


class Files(msgspec.Struct, frozen=True):
    """What a version is loaded from: a name for exactly these files as they are, their size, and who reads them."""

    key: str
    num_bytes: int
    runtime: str
    processes: int = 1
    language: bool = False
    cache_bytes: int = 0  # that it is going to hold beside them, as somebody has said
    weights_bytes: int = 0  # that its weights take in memory, as the file's header says; 0: not known


Keep = Callable[[str, Profile], None]
"""Has the next start know it."""


class Profiles:
    """Owns what was learnt of every version, and of each runtime's processes."""

    def __init__(self, keep: Keep = lambda key, profile: None) -> None:
        self._keep = keep
        self._known: dict[str, Profile] = {}
        self._overhead: dict[str, deque[int]] = {}

    def learnt_before(self, known: dict[str, Profile]) -> None:
        """Take up what earlier starts have kept."""
        for key, profile in known.items():
            self._take(key, profile)

    def of(self, files: Files) -> Profile | None:
        """What loading exactly these files has shown."""
        return self._known.get(files.key)

    def peak_bytes(self, files: Files) -> int:
        """What loading them takes at most, as far as anybody knows."""
        if profile := self.of(files):
            return profile.peak_bytes + files.cache_bytes
        return self._overhead_bytes(files) + _read_bytes(files.num_bytes, files.weights_bytes) + files.cache_bytes

    def held_bytes(self, files: Files) -> int | None:
        """What they hold once they are loaded, as far as anybody knows; None where nobody does."""
        if profile := self.of(files):
            return profile.held_bytes + files.cache_bytes if profile.held_bytes else None
        if not files.weights_bytes:
            return None
        return self._overhead_bytes(files) + files.num_bytes + files.weights_bytes + files.cache_bytes

    def loaded(self, files: Files, peak_bytes: int, load_s: float, signature: Signature | None) -> Profile:
        """A load has shown this much; returns what is known now."""
        before = self.of(files)
        if before is None:
            profile = Profile(files.num_bytes, files.runtime, peak_bytes, 0, load_s, signature, files.processes)
            profile = msgspec.structs.replace(profile, weights_bytes=files.weights_bytes)
        else:
            load_s = SMOOTH * load_s + (1 - SMOOTH) * before.load_s
            profile = msgspec.structs.replace(before, peak_bytes=peak_bytes, load_s=load_s, signature=signature)
        self._take(files.key, profile)
        if before is None or before.signature != signature or _is_news(before.peak_bytes, peak_bytes):
            self._keep(files.key, profile)
        return profile

    def grew(self, files: Files, grown_bytes: int) -> None:
        """It has grown by so much while it served."""
        before = self.of(files)
        if before is None or grown_bytes <= before.growth_bytes:
            return
        profile = msgspec.structs.replace(before, growth_bytes=grown_bytes)
        self._known[files.key] = profile
        if _is_news(before.growth_bytes, grown_bytes):
            self._keep(files.key, profile)

    def held(self, files: Files, num_bytes: int) -> None:
        """It holds so much while it serves. What a load leaves behind goes within seconds, so the least counts."""
        before = self.of(files)
        if before is None or not 0 < num_bytes < (before.held_bytes or num_bytes + 1):
            return
        self._known[files.key] = profile = msgspec.structs.replace(before, held_bytes=num_bytes)
        if _is_news(before.held_bytes, num_bytes):
            self._keep(files.key, profile)

    def _overhead_bytes(self, files: Files) -> int:
        first = OVERHEAD_OF_LANGUAGE_BYTES if files.language else OVERHEAD_BYTES
        return files.processes * max(self._overhead.get(files.runtime, (first,)))

    def _take(self, key: str, profile: Profile) -> None:
        self._known[key] = profile
        read_bytes = _read_bytes(profile.file_bytes, profile.weights_bytes)
        beyond = max(0, profile.peak_bytes - read_bytes) // profile.processes
        self._overhead.setdefault(profile.runtime, deque(maxlen=RECENT)).append(beyond)


def _read_bytes(file_bytes: int, weights_bytes: int) -> int:
    """What is in memory of a file while it is loaded."""
    smaller = weights_bytes > file_bytes  # in the file than in memory
    return int(FACTOR * file_bytes) + (int(WEIGHTS_FACTOR * weights_bytes) if smaller else 0)


def _is_news(before: int, now: int) -> bool:
    return abs(now - before) > max(NEWS_BYTES, NEWS * before)
