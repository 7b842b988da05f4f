"""The Servable behind a version that is gone while requests waited for it: whatever stands for the model now."""

from headrace.errors import HeadraceError
from headrace.models.registry import Registry
from headrace.models.sleeping import UNKNOWN
from headrace.servable import Cancel, Reply
from headrace.types import Backlog, Request


class Elsewhere:
    """Asks the registry anew; owns nothing."""

    signature = UNKNOWN

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def submit(self, request: Request, reply: Reply) -> Cancel:
        try:
            servable = self._registry.get(request.model).servable
        except HeadraceError as error:
            reply(error)
            return _nothing
        return servable.submit(request, reply)

    def backlog(self) -> Backlog:
        return Backlog(0, 0)

    async def drain(self) -> None:
        """Nothing is here."""

    async def close(self) -> None:
        """Nothing is held."""


def _nothing() -> None:
    """The cancel of a request that is answered."""
