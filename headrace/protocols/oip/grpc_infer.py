"""ModelInfer: one request, one answer."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from msgspec.structs import replace

from headrace.errors import HeadraceError
from headrace.gateway.bundles import Parted
from headrace.generated.service_pb2 import ModelInferRequest
from headrace.protocols.beside import LONG_BYTES, takes_long
from headrace.protocols.grpc import method
from headrace.protocols.grpc.method import Call, Metadata
from headrace.protocols.limits import UNSAID
from headrace.protocols.oip.front import Front
from headrace.protocols.oip.grpc_again import Again, Means
from headrace.protocols.oip.grpc_call import Said, fault, limits, named, parse, refuse, said
from headrace.protocols.oip.grpc_messages import Wanted, Written, read_request, write_response
from headrace.protocols.oip.grpc_raw import Cut, Cutter
from headrace.protocols.oip.grpc_repeated import Kept
from headrace.protocols.oip.grpc_spent import Spent
from headrace.protocols.oip.model_version import read_model
from headrace.protocols.oip.parameters import limited
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.unary import whole
from headrace.types import Buffer, ModelRef, Request, Response

Read = Callable[[], tuple[Request, Wanted]]


class Infer:
    """Hands inferences to the gateway; no task or future waits for the answer, its callback sends it."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._cutter = Cutter()
        self._kept = Kept(front.line)
        self._spent = Spent(front.clock, front.usd_per_ns)

    def again(self, message: bytes, metadata: Metadata) -> method.Again | None:
        """What answers calls like one that was answered, which differ in their tensors, and ids, alone."""
        form, head = self._cutter.form(message), said(tuple(metadata))
        known = self._kept.find(form.rest) if form is not None else None
        if (
            form is None
            or known is None
            or known.line is None
            or not head.plain
            or not known.fit(form.contents(message))
        ):
            return None
        found = Again(Means(self._front, self, self._kept, self._spent), form, known.line, head)
        return method.Again(found.spans, found.serve)

    def infer(self, sent: Buffer, call: Call) -> None:
        """Begin to answer; a call that ends early is cancelled below."""
        front = self._front
        now_ns = front.clock.now_ns()
        try:
            parts = self._cutter.cut(sent)
        except HeadraceError as error:
            refuse(call, error)
            return
        head = said(tuple(call.metadata))
        names = named(head, parts.request_id, front.ids)
        known = self._kept.find(parts.rest)
        plain = head.plain and not names[1] and call.time_remaining() is None
        if known is not None and plain and known.takes(parts.raw, now_ns):
            asker = _Asker(self, parts, call, head, now_ns, names)
            call.when_left(known.hold(asker, names[0], now_ns, parts.raw))
            return
        self.ask(parts, call, head, now_ns, names)

    def ask(self, parts: Cut, call: Call, head: Said, now_ns: int, names: tuple[str, str]) -> None:
        """Have a request read, and begin to answer it alone."""
        front = self._front
        read = partial(self._read, parts, call, head, now_ns, names)
        go_on = partial(self._go_on, parts, call, head.trace, now_ns, names[0])
        if takes_long(parts.rest, parts.num_bytes, parts.most_tensors, front.regions.longest_bytes):
            call.when_left(front.beside.read(read, go_on))
        else:
            go_on(read)

    def _go_on(self, parts: Cut, call: Call, trace: str, now_ns: int, id_: str, read: Read) -> None:
        """Hand on the request that is read; one that cannot be read is recorded as that."""
        front = self._front
        try:
            request, wanted = read()
        except HeadraceError as error:
            self._unread(parts, trace, now_ns, id_, error)
            refuse(call, error, id_)
            return
        except Exception:
            refuse(call, fault("reading a request failed"), id_)
            return

        running = [_nothing]  # how to cancel it, until it is answered: the two do not keep each other alive after that

        def reply(answer: Response | HeadraceError) -> None:
            told = whole(answer)
            if running and told is not answer:
                running[0]()
            running.clear()
            self.answer(told, parts, call, now_ns, request.id, wanted)

        cancel = front.gateway.submit(request, reply)
        if running:
            running[0] = cancel
        call.when_left(cancel)

    def answer(
        self, told: Response | HeadraceError, parts: Cut, call: Call, now_ns: int, id_: str, wanted: Wanted
    ) -> None:
        """Tell a call's one answer, or why there is none."""
        body = self._said(told, parts.request_id, wanted)
        if isinstance(body, HeadraceError):
            refuse(call, body, id_)
        else:
            call.finish(body, *self._spent.trailers(told, id_, now_ns))

    def _read(self, parts: Cut, call: Call, head: Said, now_ns: int, names: tuple[str, str]) -> tuple[Request, Wanted]:
        """The request, which has these names, and how its answer is wanted. Raises as `read_request` does."""
        id_, also = names
        asked, front = limits(call, head), self._front
        known = self._kept.find(parts.rest)
        tensors = known.tensors(parts.raw) if known else None
        if known is not None and tensors is not None:
            asked = limited(asked, known.sent) if known.sent else asked
            context = asked.context(now_ns, "grpc", head.trace, call.metadata)
            return Request(id_, known.model, tensors, known.outputs, known.parameters, context, None, also), {}
        message = understood(parts)
        request, wanted = read_request(
            message, parts.raw, asked, now_ns, head.trace, front.registry, front.regions, call.metadata
        )
        self._kept.keep(parts.rest, message, request)
        return replace(request, id=id_, also=also), wanted

    def _unread(self, parts: Cut, trace: str, now_ns: int, id_: str, error: HeadraceError) -> None:
        """Record a request that cannot be read, with its model where that can; a long one is looked at on a thread."""
        read, record = partial(understood, parts), partial(self._record_unread, trace, now_ns, id_, error)
        if len(parts.rest) > LONG_BYTES:
            self._front.beside.read(read, record)
        else:
            record(read)

    def _record_unread(
        self, trace: str, now_ns: int, id_: str, error: HeadraceError, read: Callable[[], ModelInferRequest]
    ) -> None:
        model = ModelRef("")
        with suppress(HeadraceError):
            message = read()
            model = ModelRef(message.model_name)
            model = read_model(message.model_name, message.model_version)
        self._front.gateway.unread(id_, model, UNSAID.context(now_ns, "grpc", trace), error)

    def _said(self, answer: Response | HeadraceError, request_id: str, wanted: Wanted) -> Buffer | HeadraceError:
        """The answer as it travels, or the reason why it cannot."""
        if isinstance(answer, HeadraceError):
            return answer
        try:
            if not answer.parameters and (not wanted or _plain(wanted)):
                return self._kept.answer(answer, request_id)
            return write_response(answer, request_id, wanted, self._front.regions).serialized()
        except HeadraceError as error:
            return error
        except Exception:
            return fault("writing an answer failed")


class _Asker:
    """A call whose request is asked with others."""

    __slots__ = ("_call", "_head", "_infer", "_names", "_now_ns", "_parts")

    def __init__(self, infer: Infer, parts: Cut, call: Call, head: Said, now_ns: int, names: tuple[str, str]) -> None:
        self._infer = infer
        self._parts = parts
        self._call = call
        self._head = head
        self._now_ns = now_ns
        self._names = names

    def told(self, answer: Parted, place: int) -> None:
        self._infer.answer(answer.response(place), self._parts, self._call, self._now_ns, self._names[0], {})

    def ask_alone(self) -> None:
        self._infer.ask(self._parts, self._call, self._head, self._now_ns, self._names)


def _plain(wanted: Wanted) -> bool:
    """Every output is wanted as it is."""
    return all(one.classes is None and one.place is None for one in wanted.values())


def understood(parts: Cut) -> ModelInferRequest:
    """The message of these parts, without its raw contents. Raises InvalidRequest."""
    message = parse(ModelInferRequest, parts.rest)
    if parts.request_id:
        message.id = parts.request_id
    return message


def written(
    answer: Response | HeadraceError, request_id: str, wanted: Wanted, regions: Regions
) -> Written | HeadraceError:
    """The answer as a message, or the reason why it cannot be one: a Reply must not raise."""
    if isinstance(answer, HeadraceError):
        return answer
    try:
        return write_response(answer, request_id, wanted, regions)
    except HeadraceError as error:
        return error
    except Exception:
        return fault("writing an answer failed")


def _nothing() -> None:
    """The cancel of a request that is not yet handed on."""
