"""Those that finish what they were asked, though others are asked by now: of a version loaded anew the one before."""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.models.registry import Registry, Served
from headrace.types import Backlog, ModelVersion


class Finishing:
    """Knows them until they are closed; `residence.py` owns them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._those: list[Served] = []

    @contextmanager
    def counted(self, served: Served) -> Iterator[None]:
        """What it still has counts as its version's within this."""
        self._those.append(served)
        try:
            yield
        finally:
            self._those = [each for each in self._those if each is not served]

    def backlogs(self) -> list[tuple[ModelVersion, Backlog]]:
        """How many requests each version that is served has, whoever answers them."""
        found = {served.version: served.servable.backlog() for served in self._registry.all()}
        for served in self._those:
            if (now := found.get(served.version)) is not None:
                left = served.servable.backlog()
                found[served.version] = Backlog(now.queued + left.queued, now.running + left.running)
        return list(found.items())
