"""Which tenants asked for something of late, and so will probably ask again. Pure."""

RECENT_NS = 5_000_000_000


class RecentTenants:
    """When each tenant asked last; those that did not for RECENT_NS are forgotten."""

    def __init__(self) -> None:
        self._last_ns: dict[str, int] = {}  # who asked last is last

    def note(self, tenant: str, now_ns: int) -> None:
        """It asks."""
        self._last_ns.pop(tenant, None)
        self._last_ns[tenant] = now_ns
        while now_ns - next(iter(self._last_ns.values())) > RECENT_NS:
            del self._last_ns[next(iter(self._last_ns))]

    def others(self, tenant: str, now_ns: int) -> list[str]:
        """All but this one."""
        return [each for each, last_ns in self._last_ns.items() if each != tenant and now_ns - last_ns <= RECENT_NS]
