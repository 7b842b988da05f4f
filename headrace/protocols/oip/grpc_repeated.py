"""Inferences that come again with other tensors: what protobuf and the checks made of one is kept for the next.

Kept is only what depends on the message's own bytes: no shared memory, no typed contents, no classification.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from headrace.arrays import DATATYPES
from headrace.generated.service_pb2 import ModelInferRequest, ModelInferResponse
from headrace.protocols.limits import UNSAID
from headrace.protocols.oip.grpc_raw import with_contents
from headrace.protocols.oip.grpc_tensors import read_parameters
from headrace.protocols.oip.parameters import limited
from headrace.protocols.oip.together import Asker, Form, Line
from headrace.types import Buffer, ModelRef, Parameter, Request, Response, Shape, Tensor

_KEPT = 256
_LONGEST = 1024  # bytes of a message without its raw contents
_LOOKED_AT = ("BOOL", "BYTES")  # datatypes that not all bytes are of


class Repeated(NamedTuple):
    """A message that was read, without its id and its tensors' contents."""

    model: ModelRef
    outputs: tuple[str, ...]
    inputs: tuple[tuple[str, str, Shape, int], ...]  # name, datatype, shape, and bytes of content
    sent: Mapping[str, Parameter]  # the parameters, all of them
    parameters: Mapping[str, Parameter]  # those that go on to the model
    line: Line | None  # where requests that are sent so wait for each other; None where one may come before another

    def fit(self, contents: Sequence[Buffer]) -> bool:
        """Whether these are contents of the inputs."""
        if len(contents) != len(self.inputs):
            return False
        for (_, _, _, size), content in zip(self.inputs, contents, strict=True):  # noqa: SIM110  as quick as can be
            if len(content) != size:
                return False
        return True

    def takes(self, contents: Sequence[Buffer], arrived_ns: int) -> bool:
        """Whether a request with these contents, that arrived then, is to be held for others in its line."""
        return self.line is not None and self.fit(contents) and self.line.takes(arrived_ns)

    def hold(self, asker: Asker, id_: str, arrived_ns: int, contents: Sequence[Buffer]) -> Callable[[], object]:
        """Hold one that is taken; as `Line.hold`."""
        assert self.line is not None, "it was not taken"
        return self.line.hold(asker, id_, arrived_ns, contents)

    def tensors(self, contents: Sequence[Buffer]) -> tuple[Tensor, ...] | None:
        """The inputs with these contents; None where they do not fit, for which others have the words."""
        if not self.fit(contents):
            return None
        pairs = zip(self.inputs, contents, strict=True)
        return tuple([Tensor(name, datatype, shape, content) for (name, datatype, shape, _), content in pairs])


class Kept:
    """The latest of them by their bytes, and the beginnings of the latest answers by their form."""

    def __init__(self, lines: Callable[[Form], Line]) -> None:
        self._lines = lines
        self._known: dict[bytes, Repeated] = {}
        self._heads: dict[object, bytes] = {}

    def find(self, rest: bytes) -> Repeated | None:
        return self._known.get(rest)

    def keep(self, rest: bytes, message: ModelInferRequest, request: Request) -> None:
        """Remember a message that was read, if the next one can be read by it."""
        if len(rest) > _LONGEST or not request.inputs or not _plain(message):
            return
        if len(self._known) >= _KEPT:
            self._known.clear()
        inputs = tuple((each.name, each.datatype, each.shape, len(each.data)) for each in request.inputs)
        sent = read_parameters(message.parameters, "parameters") if message.parameters else {}
        line = None
        if limited(UNSAID, sent) is UNSAID:
            form = Form(request.model, [each[:3] for each in inputs], request.outputs, "grpc", request.parameters)
            line = self._lines(form)
        self._known[rest] = Repeated(request.model, request.outputs, inputs, sent, request.parameters, line)

    def answer(self, response: Response, request_id: str) -> Buffer:
        """A ModelInferResponse of plain raw outputs and no parameters; all but the id and contents is kept."""
        return with_contents(self.head(response), [each.data for each in response.outputs], request_id)

    def head(self, response: Response) -> bytes:
        """The same without its id and its contents."""
        version, outputs = response.model, response.outputs
        form = (version, tuple([(each.name, each.datatype, each.shape) for each in outputs]))
        head = self._heads.get(form)
        if head is None:
            message = ModelInferResponse(model_name=version.name, model_version=str(version.version))
            for each in outputs:
                message.outputs.add(name=each.name, datatype=each.datatype, shape=each.shape)
            if len(self._heads) >= _KEPT:
                self._heads.clear()
            head = self._heads[form] = message.SerializeToString()
        return head


def _plain(message: ModelInferRequest) -> bool:
    """Nothing but raw tensors of any bytes goes in, and nothing is asked of an output but its name."""
    return not (
        any(one.parameters or one.HasField("contents") or one.datatype in _LOOKED_AT for one in message.inputs)
        or any(one.parameters for one in message.outputs)
    ) and all(one.datatype in DATATYPES for one in message.inputs)
