"""Whose each process is: the server's own, a version's, or nobody's yet. Owns only what it has seen of strangers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from headrace.memory.ledger import Reading
from headrace.memory.processes import Taken, together
from headrace.types import ModelVersion


class Stranger(msgspec.Struct, frozen=True):
    """A process that no version is known to have: warm, loading, or on its way out."""

    since_s: float
    least_bytes: int  # that it was seen to take


class Attribution:
    """Remembers strangers, since one that came after a load began may well be what that load reserved room for."""

    def __init__(self, server: int) -> None:
        self._server = server
        self._strangers: dict[int, Stranger] = {}

    def read(
        self,
        taken: Mapping[int, Taken],
        owned: Mapping[ModelVersion, Sequence[int]],
        now_s: float,
        loading_since_s: float | None,
    ) -> Reading:
        """Who takes how much. While something loads, which is counted with its peak, strangers are counted with what
        they took before, and those that came since with nothing."""
        owners = {pid: version for version, pids in owned.items() for pid in pids}
        by_version: defaultdict[ModelVersion, list[Taken]] = defaultdict(list)
        strangers: dict[int, Stranger] = {}
        other = 0
        for pid, each in taken.items():
            if pid == self._server:
                continue
            if version := owners.get(pid):
                by_version[version].append(each)
                continue
            before = self._strangers.get(pid, Stranger(now_s, each.pss_bytes))
            strangers[pid] = Stranger(before.since_s, min(before.least_bytes, each.pss_bytes))
            if loading_since_s is None:
                other += each.pss_bytes
            elif before.since_s < loading_since_s:
                other += strangers[pid].least_bytes
        self._strangers = strangers
        server, every = taken.get(self._server, Taken()), together(taken.values())
        versions = {version: together(found) for version, found in by_version.items()}
        return Reading(server.pss_bytes, other, versions, every.shared_bytes, every.pss_bytes)
