"""What is recorded of requests that were asked as one: of each what would be recorded had it been asked for itself."""

from collections.abc import Iterator

import msgspec

from headrace.errors import Cancelled
from headrace.models.registry import Served
from headrace.records import BundleRecord, Record, RequestRecord
from headrace.servable import Reply
from headrace.types import Buffer, Bundle, Request, Response, Tensor


class Asked(msgspec.Struct, frozen=True):
    """A bundle on its way to the version that answers it, and who gets that answer."""

    request: Request
    bundle: Bundle
    served: Served
    reply: Reply
    submitted_ns: int

    def fits(self, answer: Response) -> bool:
        """Whether each output is rows of one size, as many as were asked: the model said so, and is held to it."""
        rows = self.request.inputs[0].shape[0]
        return all(each.datatype != "BYTES" and each.shape[:1] == (rows,) for each in answer.outputs)

    def records(self, answer: Response, admitted_ns: int, finished_ns: int, written_ns: int) -> Iterator[Record]:
        """Of all, each answered by its part of that; all answers were written by `written_ns`."""
        context, version, bundle = self.request.context, self.served.version, self.bundle
        first = RequestRecord(
            self.request.id,
            version.name,
            version.version,
            context.protocol,
            answer.rows // len(bundle.ids),
            context.arrived_ns,
            self.submitted_ns,
            finished_ns,
            answer.batch,
            trace=context.trace,
            tenant=context.tenant,
            written_ns=written_ns,
            admitted_ns=admitted_ns,
        )
        together = BundleRecord(first, bundle.ids, bundle.arrived_ns)
        if not bundle.left:
            yield together
            return
        for place in range(len(bundle.ids)):
            record = together.request(place)
            gone = place in bundle.left
            yield msgspec.structs.replace(record, batch=None, error=Cancelled.code) if gone else record

    def one_by_one(self, answer: Response) -> Iterator[tuple[Request, Response]]:
        """Each request with its own answer, as if it had been asked for itself."""
        request, contents = self.request, self.bundle.contents
        answers = Parted(answer, len(contents))
        for place, (id_, each) in enumerate(zip(self.bundle.ids, contents, strict=True)):
            tensors = [
                Tensor(of.name, of.datatype, (of.shape[0] // len(contents), *of.shape[1:]), data)
                for of, data in zip(request.inputs, each, strict=True)
            ]
            yield msgspec.structs.replace(request, id=id_, inputs=tuple(tensors), bundle=None), answers.response(place)


class Parted:
    """One answer to several requests, each of which has equally many rows of it; as with `collate.split`, views."""

    __slots__ = ("_answer", "alike", "contents", "started_ns")

    def __init__(self, answer: Response, requests: int) -> None:
        self._answer = answer
        self.started_ns = answer.batch.started_ns if answer.batch else 0
        self.alike: tuple[bytes, ...] | None = None  # what whoever writes the parts keeps of one for the others
        cut = []
        for tensor in answer.outputs:
            view = memoryview(tensor.data)
            width = len(view) // requests
            ends = range(0, len(view), width) if width else [0] * requests
            cut.append([view[at : at + width] for at in ends])
        # Of the outputs, what each gets.
        self.contents: list[tuple[Buffer, ...]] = list(zip(*cut, strict=True)) if cut else [()] * requests

    def response(self, place: int) -> Response:
        """What it is answered."""
        answer, requests = self._answer, len(self.contents)
        rows = answer.rows // requests
        outputs = [
            Tensor(of.name, of.datatype, (rows, *of.shape[1:]), data)
            for of, data in zip(answer.outputs, self.contents[place], strict=True)
        ]
        return Response(answer.model, tuple(outputs), answer.batch, device_ns=answer.device_ns // requests, rows=rows)
