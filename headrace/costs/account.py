"""The books: what each tenant had of each version, as plain numbers. Knows no clock, no records and no price."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from headrace.observe.tenant_counts import REST, TenantCounts

MOST_VERSIONS = 1000
"""Versions that are told apart; those that were longest not asked are put together: releases go on for ever."""

REQUESTS, TOKENS = "requests", "tokens"
"""Kinds of amounts that are no time; every other kind is a phase, in nanoseconds."""

Version = tuple[str, str]
"""A model's name and a version."""

OTHERS: Version = (REST, "")

_Of = tuple[str, str, str]  # model, version, kind


class Entry(NamedTuple):
    """What one tenant had of one version, of one kind."""

    tenant: str
    model: str
    version: str
    kind: str
    amount: int


class Account:
    """Adds up. Its size is bounded, by tenants (the busiest have names) and by versions."""

    def __init__(self, most_versions: int = MOST_VERSIONS) -> None:
        self._amounts: TenantCounts[_Of] = TenantCounts()
        self._versions: OrderedDict[Version, None] = OrderedDict()  # those longest not asked first
        self._most_versions = most_versions

    def charge(self, tenant: str, of: Version, phase: str, device_ns: int) -> None:
        """So much of the device's time: whoever has most is busiest."""
        self._touch(of)
        self._amounts.add(tenant, (*of, phase), device_ns)

    def count(self, tenant: str, of: Version, kind: str, amount: int) -> None:
        """So many requests or tokens."""
        self._touch(of)
        self._amounts.add(tenant, (*of, kind), amount, came=0)

    def entries(self) -> Iterator[Entry]:
        """All that there is, as of now."""
        for (tenant, (model, version, kind)), amount in self._amounts.unordered():
            yield Entry(tenant, model, version, kind, amount)

    def _touch(self, of: Version) -> None:
        self._versions[of] = None
        self._versions.move_to_end(of)
        if len(self._versions) > self._most_versions:
            oldest, _ = self._versions.popitem(last=False)
            for _, reason in {key for key, _ in self._amounts.unordered()}:
                if reason[:2] == oldest:
                    self._amounts.merge(reason, (*OTHERS, reason[2]))
