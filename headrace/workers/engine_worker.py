"""The worker's side of a language model: hear what is new, take a step, tell all that it gave in one message."""

import logging
import select
import socket
import time
from collections.abc import Callable, Iterator

from headrace.errors import HeadraceError, Internal
from headrace.llm.engine_protocol import Engine, EngineLoading, Fault
from headrace.workers import engine_wire as wire

log = logging.getLogger(__name__)

ALIVE_S = 1.0  # how often the server hears of an engine that owes something and whose steps have nothing to do
NEWS_MS = 2  # how soon what the engine's own threads have made is looked for, while no step has anything to do
REST_MS = 10  # between two pieces of work that is done while nobody waits: others have the cores too


def run(channel: socket.socket, load: Callable[[EngineLoading], Engine]) -> None:
    """Load the model that the other end names and serve it until the other end closes.

    A fault of the engine's own ends the process: what its blocks hold is not to be trusted any more.
    """
    hearing = _Hearing(channel)
    try:
        question = hearing.first()
        if question is None:
            return
        try:
            engine = load(question.asked)
        except HeadraceError as error:
            _tell(channel, wire.LoadFailed(Fault(error.code, error.message[:8192], error.where)))
            return
        except Exception as error:
            log.exception("loading failed")
            _tell(channel, wire.LoadFailed(Fault(Internal.code, f"{type(error).__name__}: {error}"[:8192])))
            return
        _tell(channel, wire.Loaded(engine.facts))
        try:
            _serve(channel, hearing, engine)
        finally:
            engine.close()
    except (ConnectionError, EOFError):
        log.debug("the server is gone")


def _serve(channel: socket.socket, hearing: "_Hearing", engine: Engine) -> None:
    """Raises ConnectionError or EOFError once the server is gone."""
    unanswered: set[int] = set()
    running = 0  # as last told
    told_s = 0.0  # when
    while True:
        wait_ms = 0 if engine.busy else NEWS_MS if unanswered else REST_MS if engine.rest() else None
        aborted = False
        for asked in hearing.news(wait_ms):
            for number in asked.aborted:
                engine.abort(number)
                unanswered.discard(number)
                aborted = True
            for add in asked.added:
                engine.add(add.number, add.ask, add.terms, add.told)
                unanswered.add(add.number)
        if aborted:  # told now: what they held is free, and the next step may be long
            facts = engine.counts()
            _tell(channel, wire.Stepped([], facts))
            running = facts.running
        answers = engine.step()
        unanswered.difference_update([answer.number for answer in answers if answer.final])
        facts = engine.counts()
        now_s = time.monotonic()
        alive = unanswered and now_s - told_s > ALIVE_S
        if answers or facts.seconds or facts.running != running or alive:
            _tell(channel, wire.Stepped(answers, facts))
            running, told_s = facts.running, now_s


class _Hearing:
    """What the server says, taken off the channel between two steps."""

    def __init__(self, channel: socket.socket) -> None:
        self._frames = wire.Frames(channel)
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)

    def first(self) -> wire.Load | None:
        """The first message; None where something else comes, or nothing ever. Blocks."""
        while (frames := self._frames.receive()) is not None:
            for frame in frames:
                question = wire.decode_question(frame)
                return question if isinstance(question, wire.Load) else None
        return None

    def news(self, wait_ms: int | None) -> Iterator[wire.Asked]:
        """All messages that are there; waits so long for a first one (None: for ever). Raises EOFError."""
        while self._poll.poll(wait_ms):
            wait_ms = 0
            frames = self._frames.receive()
            if frames is None:
                raise EOFError
            for frame in frames:
                question = wire.decode_question(frame)
                if isinstance(question, wire.Asked):
                    yield question


def _tell(channel: socket.socket, answer: wire.Answer) -> None:
    channel.sendall(wire.framed(answer))
