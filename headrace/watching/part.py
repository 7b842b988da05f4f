"""What every part of watching is: something that is asked over HTTP, starts and ends."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from headrace.protocols.oip.front import Front


class Part:
    """Listens from its making on; what it does beside requests begins with `start`. One that has none of these is done
    with this."""

    def routes(self, front: Front) -> Sequence[BaseRoute]:
        """What HTTP is asked for of it. Called once, when the server is whole."""
        return ()

    async def start(self) -> None:
        """Begin what goes on beside requests."""

    async def drained(self) -> None:
        """No request is under way any more, and what there is of models is about to go."""

    async def close(self) -> None:
        """End that, and give away what is still held. The bus was flushed just before."""


def known(front: Front, name: str) -> bool:
    """Whether there is a model of that name, served or not."""
    return any(status.name == name for status in front.repository.index())
