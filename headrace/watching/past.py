"""What each version did, over weeks, and the page that draws it."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from headrace.dashboard.page import routes as page_routes
from headrace.dashboard.view import Live, View, memory_of
from headrace.history.history import Counted, History
from headrace.observe.tally import Tally
from headrace.protocols.oip.front import Front
from headrace.protocols.watch.dashboard_routes import DashboardRoutes
from headrace.watching.ground import Ground
from headrace.watching.part import Part


class Past(Part):
    """Keeps nothing, and has no page, where `history.enabled` is false."""

    def __init__(self, ground: Ground, tally: Tally) -> None:
        self._ground = ground
        self._tally = tally
        self._history: History | None = None
        if ground.config.history.enabled:
            self._history = history = History(ground.file("history.db"), self._look, ground.now_s)
            ground.dropped.add("history", lambda: {"disk": history.lost})

    def routes(self, front: Front) -> Sequence[BaseRoute]:
        if self._history is None:
            return ()
        readings = self._ground.readings
        live = Live(
            front.repository.index,
            readings.backlogs,
            readings.memory,
            readings.shares,
            front.registry.labels,
            readings.in_flight,
        )
        view = View(self._history, live, self._ground.now_s, front.server_name, front.server_version)
        return [*page_routes(), *DashboardRoutes(view.rows, view.facts, view.lines).routes()]

    async def start(self) -> None:
        if self._history:
            await self._history.start()

    async def close(self) -> None:
        if self._history:
            await self._history.close()

    def _look(self) -> Counted:
        self._ground.bus.flush()
        readings = self._ground.readings
        queued = {version: backlog.queued for version, backlog in readings.backlogs()}
        return self._tally.versions, queued, memory_of(readings.memory())
