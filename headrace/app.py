"""Builds the whole server from a Config and runs it: read this first."""

import asyncio
import gc
import logging
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from starlette.routing import BaseRoute

from headrace import __version__
from headrace.allocator import keep_freed_memory
from headrace.build import Build
from headrace.cache_folder import cache_folder
from headrace.clock import LoopClock
from headrace.costs.costs import usd_per_ns
from headrace.devices.process_stat import runs
from headrace.gateway.gateway import Gateway
from headrace.generation import LanguageFacts
from headrace.listening import HttpServer, address_of, listen, stop_signal
from headrace.memory.budget import budget_bytes
from headrace.memory.ledger import Ledger
from headrace.memory.popularity import Popularity
from headrace.models.failures import Failures
from headrace.models.learnt import Learnt
from headrace.models.lifecycle import States
from headrace.models.memory_report import memory_report
from headrace.models.moves import Moves
from headrace.models.profile_store import ProfileStore
from headrace.models.reconcile import Reconcile
from headrace.models.registry import Registry, Served
from headrace.models.residence import Keeping
from headrace.models.rooms import Rooms
from headrace.models.sleeping import MayWait
from headrace.models.state import State, state_folder
from headrace.models.upkeep import Upkeep
from headrace.models.worker_pids import WorkerPids
from headrace.observe.bus import Bus
from headrace.observe.handing_on import HandingOn
from headrace.observe.log_output import LogOutput
from headrace.observe.log_output import begin as begin_log
from headrace.observe.metrics import Readings
from headrace.observing import Observation
from headrace.open_files import most_files
from headrace.playground.page import routes as playground_routes
from headrace.protocols.anthropic.routes import routes as anthropic_routes
from headrace.protocols.beside import Beside
from headrace.protocols.bodies import Bodies
from headrace.protocols.broken_off import broken_off
from headrace.protocols.oip.browser_lane import lane_of
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.generate import routes as generate_routes
from headrace.protocols.oip.grpc import Server as RpcServer
from headrace.protocols.oip.grpc import create_server, listen_at
from headrace.protocols.oip.model_config import model_config_json
from headrace.protocols.oip.routes import create_app
from headrace.protocols.oip.settings import LogSettings, Settings
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.traffic_routes import TrafficRoutes
from headrace.protocols.ollama.routes import routes as ollama_routes
from headrace.protocols.openai.routes import routes as openai_routes
from headrace.protocols.tls import Tls, read_tls
from headrace.protocols.watch.cross_origin import read_origins
from headrace.records import WorkerEvent
from headrace.repository.repository import LocalRepository
from headrace.repository.watch import Watch
from headrace.servable import Servable
from headrace.settings import Config
from headrace.traffic.traffic import Traffic
from headrace.traffic.watch import Follow
from headrace.types import Backlog, Manifest, ModelVersion, VersionStatus
from headrace.work import Works
from headrace.workers.ahead import Ahead, ready_bytes
from headrace.workers.forking import Forking

log = logging.getLogger(__name__)

STREAMS_S = 0.5  # that an open gRPC stream has to end by itself, once nothing of it is under way
COLLECT_AFTER = 20_000  # objects; a request makes dozens and leaves no cycle, so there is seldom anything to find
SWITCH_S = 0.0005  # that a thread beside the event loop, such as one that writes lines, may hold it up


class Ready(msgspec.Struct, frozen=True):
    """What a server tells once its first models have been tried."""

    http: str  # host:port
    grpc: str | None
    index: tuple[VersionStatus, ...]
    served: tuple[Served, ...]
    seconds: float  # since it was asked to start
    tls: bool = False


Announce = Callable[[Ready], None]
Going = Callable[[], Awaitable[None]]
"""What goes on for as long as the server runs, such as keeping the repository up to date."""


def run(
    config: Config,
    repository: Path,
    announce: Announce,
    beside: Going | None = None,
    ahead: Ahead | None = None,
) -> int:
    """Serve until SIGTERM or SIGINT, then drain; returns the exit code. Takes zygotes that were started `ahead`.

    Raises SettingInvalid where an address cannot be had, the files of TLS are no good, or another server has the state.
    """
    started = time.monotonic()
    output = begin_log(config.log)
    keep_freed_memory()
    gc.set_threshold(COLLECT_AFTER)
    gc.freeze()  # what was imported lives as long as the server, and next to nothing of it is to be found
    gc.enable()
    sys.setswitchinterval(SWITCH_S)
    server = config.server
    tls = read_tls(server.tls_certificate, server.tls_key, server.tls_client_ca)
    with listen(server.host, server.http_port, "server.http_port") as http:

        async def serve() -> None:
            server = Server(config, repository, tls, output, ahead)
            going_on = asyncio.create_task(_beside(beside)) if beside else None
            await server.run(http, announce, started)
            if going_on:
                going_on.cancel()
                await asyncio.gather(going_on, return_exceptions=True)

        try:
            uvloop.run(serve())
        finally:
            output.writer.close()
    return 0


async def _beside(beside: Going) -> None:
    """Have it go on; where it ends by a fault of its own, the server does without."""
    try:
        await beside()
    except Exception:
        log.exception("the repository is no longer followed")


class Server:
    """All parts of one server, and the order in which they start and stop. Made on a running event loop; raises
    SettingInvalid where another server has its state."""

    def __init__(
        self,
        config: Config,
        repository: Path,
        tls: Tls | None = None,
        output: LogOutput | None = None,
        ahead: Ahead | None = None,
    ) -> None:
        self._config = config
        self._output = output
        self._tls = tls
        self._loaded = False
        self._clock = clock = LoopClock(asyncio.get_running_loop())
        self.bus = Bus()
        self.states = States(self.bus, clock)
        self.registry = Registry(self.states.of)
        self.registry.expect(None)
        taps: dict[str, Follow] = {}
        local = LocalRepository(repository)
        folder = state_folder(config.state.dir, os.environ, local.path)
        state = State(folder)
        state.take()
        self.observation = watch = Observation(config, self.bus, clock, self._readings(), folder, output)
        self.gateway = Gateway(
            self.registry, self.bus, clock, config.tenants, taps, watch.wanted, watch.tap, watch.passes
        )
        budget = budget_bytes(config.memory.budget)
        self.births = Forking(config.workers.warm, ahead=ahead, ready_bytes=ready_bytes(budget))
        works = Works(self.bus, clock, self.observation.costs.device)
        self.build = Build(config, self.bus, clock, local, cache_folder(os.environ), births=self.births, works=works)
        self.learnt, self.popularity = Learnt(ProfileStore(cache_folder(os.environ))), Popularity[ModelVersion]()
        self.keeping = self._keeping(clock, budget)
        self.build.language.claim = self.keeping.rooms.claim
        self.reconcile = Reconcile(
            local,
            self.registry,
            self.states,
            self.build,
            config.models,
            drain_s=config.server.drain_s,
            keeping=self.keeping,
            state=state,
        )
        models = config.models
        self.watch = Watch(local, self.reconcile.refresh, settle_s=models.settle_s, poll_s=models.poll_s)
        self.upkeep = Upkeep(
            self.keeping,
            self.reconcile.residence,
            self.popularity,
            self.learnt,
            self.gateway.refuse,
            keep_alive_s=models.keep_alive_s,
            most_pressure=config.memory.pressure,
        )
        self.bus.count(self.upkeep.count)
        self.bus.listen(Failures(self.registry, self.states, runs), WorkerEvent)
        self.traffic = Traffic(taps, Moves(self.reconcile), self._answers, self.registry.halt, clock, self.bus)
        self.registry.follow(self.traffic.wished)
        self.front = self._front(clock)

    def _keeping(self, clock: LoopClock, budget: int | None) -> Keeping:
        """What is kept of memory: within the budget, in bytes, that the settings and this machine allow."""
        memory, batching = self._config.memory, self._config.batching
        pids = WorkerPids(self.bus.flush)
        self.bus.listen(pids, WorkerEvent)
        ledger = Ledger(budget, self._config.workers.warm * ready_bytes(budget))
        rooms = Rooms(ledger, self.learnt.profiles, clock, pids=pids.alive, wait_s=memory.wait_s)
        return Keeping(
            rooms,
            clock,
            drain_first=memory.policy == "drain_first",
            may_wait=MayWait(requests=batching.max_queue, num_bytes=batching.max_queue_bytes),
            rate=self._rate,
            cache_bytes=self.build.language.cache_bytes,
            weights_bytes=self.build.language.weights_bytes,
            gives_way=self.build.leaving,
        )

    def _rate(self, version: ModelVersion) -> float:
        """Requests a second that are to be expected of a version."""
        self.bus.flush()
        return self.popularity.rate(version, self._clock.now_ns() / 1e9)

    def _readings(self) -> Readings:
        """What no record tells, asked once all parts are there."""
        return Readings(
            lambda: self.gateway.in_flight,
            self._backlogs,
            lambda: self.bus.dropped,
            self._language_facts,
            self._shares,
            self._memory,
            self._manifest,
            self.states.all,
            lambda version: self.keeping.rooms.beside(version, "operators"),
        )

    def _front(self, clock: LoopClock) -> Front:
        """The server as the protocols see it; what is counted is up to date whenever it is read."""
        config = self._config
        return Front(
            gateway=self.gateway,
            registry=self.registry,
            repository=self.reconcile,
            clock=clock,
            beside=Beside(self.gateway.expect),
            regions=Regions(config.protocols.oip.shared_memory, max_files=most_files() // 4),
            settings=Settings(LogSettings(config.log.file, self._output.as_triton if self._output else None)),
            statistics=self.observation.statistics,
            metrics=self.observation.page,
            model_config=model_config_json,
            server_name="headrace",
            server_version=__version__,
            ready=lambda: self._loaded and not self.gateway.draining,
            times=self.build.times.told,
            memory=self._memory,
            names=(config.server.host, socket.gethostname(), *config.server.names.split()),
            origins=read_origins(config.server.allow_origins),
            usd_per_ns=usd_per_ns(config.cost.per_hour),
            max_body_bytes=config.server.max_body_bytes,
            bodies=Bodies(config.server.max_body_bytes),
            max_header_bytes=config.server.max_header_bytes,
        )

    def _memory(self) -> dict[str, Any]:
        return memory_report(self.keeping.rooms.ledger, self.reconcile.residence, self.upkeep.pressure)

    def _manifest(self, version: ModelVersion) -> Manifest | None:
        """What is known of a version that is served."""
        served = self.registry.find(version.name, version.version)
        return served.manifest if served else None

    def _language_facts(self) -> list[tuple[ModelVersion, LanguageFacts]]:
        found = ((served.version, served.signature.language) for served in self.registry.all())
        return [(version, facts) for version, facts in found if facts]

    def _shares(self) -> list[tuple[ModelVersion, float]]:
        shares = ((name, self.registry.shares(name)) for name in self.registry.names())
        return [(ModelVersion(name, version), share) for name, each in shares for version, share in each.items()]

    def _answers(self, name: str, version: int) -> Servable | None:
        """What answers for a version now."""
        served = self.registry.answering(name, version)
        return served.servable if served else None

    def _backlogs(self) -> list[tuple[ModelVersion, Backlog]]:
        return self.reconcile.residence.finishing.backlogs()

    async def run(self, http: socket.socket, announce: Announce, started: float) -> None:
        """Listen, load, serve until told to stop, drain. The socket is the caller's to close."""
        config, stop = self._config.server, stop_signal()
        secret = self._tls.context(["http/1.1"]) if self._tls else None
        web = HttpServer(create_app(self.front, self._routes()), lane_of(self.front), config.keep_alive_s, secret)
        serving = asyncio.create_task(web.serve([http]))
        handing_on = HandingOn(self.bus, self._clock)
        handing_on.start()
        await self.learnt.read()
        await self.observation.start()
        keeping_up = asyncio.create_task(self.upkeep.run())
        rpc = self._rpc() if config.grpc else None
        try:
            where = await listen_at(rpc, config.host, config.grpc_port, self._tls) if rpc else None
            loading = asyncio.create_task(self._load())
            await asyncio.wait({loading, stop}, return_when=asyncio.FIRST_COMPLETED)
            if loading.done():
                loading.result()
                self.traffic.loaded()
                self._loaded = True
                await self.births.forget_ahead()
                gc.collect()
                gc.freeze()  # what start-up made lives as long as the server: not to be looked through again
                announce(self._ready(address_of(http), where, time.monotonic() - started))
                await self._follow(stop)
            loading.cancel()
            if rpc:
                rpc.drain()
            web.drain(config.drain_s)
            await self._drain()
        finally:
            web.should_exit = True
            await serving
            if rpc:
                await rpc.stop(grace=STREAMS_S)
            await self.observation.drained()
            await self.traffic.close()
            keeping_up.cancel()
            await asyncio.gather(keeping_up, return_exceptions=True)
            await self.reconcile.close()
            await asyncio.gather(self.births.close(), self.front.beside.close())
            await self.learnt.save()
            handing_on.close()
            await self.observation.close()

    async def _load(self) -> None:
        """What is wanted at the start; files are remembered first, so that no change is missed."""
        await self.watch.begin()
        await self.reconcile.start()

    async def _follow(self, stop: asyncio.Future[None]) -> None:
        """Until it is time to stop, what is served follows the repository's files, where that is wanted."""
        if self._config.models.control == "explicit":
            await stop
            return
        watching = asyncio.create_task(self.watch.run())
        await asyncio.wait({watching, stop}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            log.error("the models' files are no longer watched", exc_info=watching.exception())
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await stop

    def _routes(self) -> list[BaseRoute]:
        """What HTTP is asked for besides the Open Inference Protocol."""
        front, observation = self.front, self.observation
        traffic = TrafficRoutes(front, self.traffic, observation.events).routes()
        return [*_dialects(front), *traffic, *observation.routes(front)]

    def _rpc(self) -> RpcServer:
        config = self._config
        limits = config.grpc
        return create_server(self.front, limits.max_message_bytes, config.protocols.grpc, limits.max_connections)

    async def _drain(self) -> None:
        """Refuse what is new and let what runs finish, for a while."""
        limit_s = self._config.server.drain_s
        log.info("draining: %d requests under way", self.gateway.in_flight)
        try:
            await asyncio.wait_for(self.gateway.drain(), limit_s)
        except TimeoutError:
            log.warning("%d requests did not finish within %g s", self.gateway.in_flight, limit_s)
            self.gateway.break_off(broken_off())

    def _ready(self, http: str, grpc: str | None, seconds: float) -> Ready:
        return Ready(http, grpc, self.states.all(), self._served(), seconds, self._tls is not None)

    def _served(self) -> tuple[Served, ...]:
        found = (self.registry.find(status.name, status.version or 0) for status in self.states.all())
        return tuple(served for served in found if served)


def _dialects(front: Front) -> list[BaseRoute]:
    """What language models are asked by, besides the Open Inference Protocol."""
    dialects = [*generate_routes(front), *anthropic_routes(front), *openai_routes(front), *ollama_routes(front)]
    return [*dialects, *playground_routes(front.server_name, front.server_version)]
