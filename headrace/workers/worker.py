"""The worker's side of the border: load one model, then run batch after batch until the server is gone."""

import logging
import socket
from collections.abc import Callable, Sequence
from time import monotonic_ns

from headrace.arrays import to_array
from headrace.errors import HeadraceError, Internal, ModelInvalid, Unavailable
from headrace.runtimes.load import Loaded, Loading
from headrace.workers import wire
from headrace.workers.asked import Asked
from headrace.workers.repeated import LONGEST, Repeated
from headrace.workers.slots import Slot
from headrace.workers.wire import written_times

log = logging.getLogger(__name__)

TOO_MUCH_TO_TELL = (
    f"the names and shapes of its inputs and outputs take over {wire.MAX_MESSAGE_BYTES >> 20} MiB: shorten them"
)


def run(channel: socket.socket, slots: Sequence[Slot], load: Callable[[Loading], Loaded]) -> None:
    """Serve the other end of the channel until it closes."""
    inbox = wire.Inbox(channel)
    message = inbox.receive()
    question = wire.decode_question(message) if message else None
    if not isinstance(question, wire.Load):
        return
    try:
        loaded = load(question.asked)
    except HeadraceError as error:
        _send(channel, wire.LoadFailed(error.code, str(error)[:8192]))
        return
    except Exception as error:
        log.exception("loading failed")
        _send(channel, wire.LoadFailed(Internal.code, f"{type(error).__name__}: {error}"[:8192]))
        return
    told = wire.Loaded(loaded.signature, loaded.half_takes, loaded.spent_ns)
    if len(wire.encode(told)) > wire.MAX_MESSAGE_BYTES:
        _send(channel, wire.LoadFailed(ModelInvalid.code, TOO_MUCH_TO_TELL))
        return
    _send(channel, told)
    _Batches(channel, slots, loaded).run_all(inbox)
    loaded.model.close()


class _Batches:
    """Runs them, one after the other. Owns what is known of those that come again."""

    def __init__(self, channel: socket.socket, slots: Sequence[Slot], loaded: Loaded) -> None:
        self._channel = channel
        self._slots = slots
        self._told_spreads = False
        self._known: Repeated[bytes, Asked] = Repeated()
        self._take(loaded)

    def _take(self, loaded: Loaded) -> None:
        """Run this from now on."""
        self._loaded = loaded
        self._signature = loaded.signature
        self._run_model = loaded.model.run
        self._pending = loaded.signature.batch.pending
        self._known.clear()  # it was understood by another signature

    def run_all(self, inbox: wire.Inbox) -> None:
        """Until the server is gone."""
        known = self._known
        while message := inbox.receive():
            asked = known.get(bytes(message)) or self._read(message)
            if asked is None:
                return
            answer = self._run(asked)
            if self._pending and isinstance(answer, bytes):
                self._tell_and_learn(asked, answer)
            else:
                _send(self._channel, answer)  # the slot is the server's again
            if not self._told_spreads and self._loaded.spreads():
                self._told_spreads = True
                _send(self._channel, wire.Spreads())

    def _read(self, message: memoryview) -> Asked | None:
        """What a message asks for that is not as another before it."""
        question = wire.decode_question(message)
        if not isinstance(question, wire.Run):
            return None
        asked = Asked(self._slots[question.slot], question)
        if len(message) <= LONGEST:
            self._known.keep(bytes(message), asked)
        return asked

    def _run(self, asked: Asked) -> bytes | wire.RunFailed:
        """One batch; the message that it is done, or why it is not."""
        slot = asked.slot.index
        try:
            return self._done(asked)
        except HeadraceError as error:
            return wire.RunFailed(slot, error.code, str(error)[:8192])
        except MemoryError:
            return wire.RunFailed(slot, Unavailable.code, "not enough memory for this batch")
        except Exception as error:
            log.exception("the model failed")
            return wire.RunFailed(slot, Internal.code, f"{type(error).__name__}: {error}"[:8192])

    def _done(self, asked: Asked) -> bytes:
        began = monotonic_ns()
        arrays = asked.arrays
        if arrays is None:
            arrays = asked.read(self._signature)
        laid_out = monotonic_ns()
        results = self._run_model(arrays, asked.outputs)
        computed = monotonic_ns()
        answer = asked.answer
        if answer is None or not answer.lay(results):
            answer = asked.answered(self._signature, results)
        return answer.head + written_times(laid_out - began, computed - laid_out, monotonic_ns() - computed)

    def _tell_and_learn(self, asked: Asked, done: bytes) -> None:
        """A run has shown whether rows may share one."""
        example = {tensor.name: to_array(tensor).copy() for tensor in asked.inputs}
        _send(self._channel, done)
        self._take(self._loaded.learn(example))
        _send(self._channel, wire.Learned(self._signature))


def _send(channel: socket.socket, answer: bytes | wire.Answer) -> None:
    try:
        channel.sendall(answer if isinstance(answer, bytes) else wire.encode(answer))
    except ConnectionError:
        log.debug("the server is gone")
