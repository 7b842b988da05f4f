"""The worker's side of the border: load one model, then run batch after batch until the server is gone."""

import logging
import socket
from collections.abc import Callable, Sequence

import msgspec

from headrace.arrays import to_array
from headrace.errors import HeadraceError, Internal, ModelInvalid, Unavailable
from headrace.runtimes.execute import Executed, execute
from headrace.runtimes.load import Loaded, Loading
from headrace.runtimes.runtime import Arrays, LoadedModel
from headrace.types import Signature, Tensor
from headrace.workers import wire
from headrace.workers.slots import Slot, lay_out

log = logging.getLogger(__name__)

TOO_MUCH_TO_TELL = (
    f"the names and shapes of its inputs and outputs take over {wire.MAX_MESSAGE_BYTES >> 20} MiB: shorten them"
)


def run(channel: socket.socket, slots: Sequence[Slot], load: Callable[[Loading], Loaded]) -> None:
    """Serve the other end of the channel until it closes."""
    inbox = wire.Inbox(channel)
    question = _receive(inbox)
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
    signature, told_spreads = loaded.signature, False
    while isinstance(question := _receive(inbox), wire.Run):
        slot = slots[question.slot]
        inputs = wire.tensors(question.inputs, slot.inputs.view(question.size))
        answer = _run(loaded.model, signature, slot, inputs, question.outputs)
        example: Arrays | None = None
        if signature.batch.pending and isinstance(answer, wire.Done):
            example = {tensor.name: to_array(tensor).copy() for tensor in inputs}
        _send(channel, answer)  # the slot is the server's again
        if example is not None:
            signature = msgspec.structs.replace(signature, batch=loaded.learn(example))
            _send(channel, wire.Learned(signature.batch))
        if not told_spreads and loaded.spreads():
            told_spreads = True
            _send(channel, wire.Spreads())
    loaded.model.close()


def _run(
    model: LoadedModel, signature: Signature, slot: Slot, inputs: tuple[Tensor, ...], outputs: tuple[str, ...]
) -> wire.Done | wire.RunFailed:
    try:
        return _written(slot, execute(model, signature, inputs, outputs))
    except HeadraceError as error:
        return wire.RunFailed(slot.index, error.code, str(error)[:8192])
    except MemoryError:
        return wire.RunFailed(slot.index, Unavailable.code, "not enough memory for this batch")
    except Exception as error:
        log.exception("the model failed")
        return wire.RunFailed(slot.index, Internal.code, f"{type(error).__name__}: {error}"[:8192])


def _written(slot: Slot, executed: Executed) -> wire.Done:
    """Outputs copied into the slot."""
    sizes = [len(tensor.data) for tensor in executed.outputs]
    offsets, end = lay_out(sizes)
    memory = slot.outputs.room(end)
    parts = []
    for tensor, offset, size in zip(executed.outputs, offsets, sizes, strict=True):
        memory[offset : offset + size] = tensor.data
        parts.append(wire.Part(tensor.name, tensor.datatype, tensor.shape, offset, size))
    return wire.Done(slot.index, end, tuple(parts), executed.input_ns, executed.infer_ns, executed.output_ns)


def _receive(inbox: wire.Inbox) -> wire.Question | None:
    """The next message; None once the server is gone."""
    message = inbox.receive()
    return wire.decode_question(message) if message else None


def _send(channel: socket.socket, answer: wire.Answer) -> None:
    try:
        channel.sendall(wire.encode(answer))
    except ConnectionError:
        log.debug("the server is gone")
