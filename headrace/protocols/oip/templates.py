"""JSON that clients send again and again around tensors that differ: read and written once. Knows no values.

A client that sends its tensors in binary repeats the JSON before them to the byte, request after request, and the
JSON of the answers repeats as well (`wanted.Answers`).
"""

from collections.abc import Callable

import msgspec

from headrace.protocols.oip.together import Form, Line
from headrace.protocols.oip.wanted import Wanted
from headrace.types import Buffer, ModelRef, Request, Shape, Tensor

MOST = 256  # templates
MOST_BYTES = 4096  # of a JSON worth keeping
MOST_MODELS = 256  # that are asked with one JSON


class Slice(msgspec.Struct, frozen=True):
    """An input in binary: what it is, and where its bytes lie behind the JSON."""

    name: str
    datatype: str
    shape: Shape
    start: int
    end: int


class Template:
    """One JSON that was read: its inputs, its outputs, and how its answer is wanted."""

    __slots__ = ("_lines", "inputs", "num_bytes", "outputs", "wanted")

    def __init__(self, request: Request, wanted: Wanted) -> None:
        self.outputs = request.outputs
        self.wanted = wanted
        self.inputs: list[Slice] = []
        self.num_bytes = 0
        self._lines: dict[ModelRef, Line] = {}
        for tensor in request.inputs:
            end = self.num_bytes + len(tensor.data)
            self.inputs.append(Slice(tensor.name, tensor.datatype, tensor.shape, self.num_bytes, end))
            self.num_bytes = end

    def tensors(self, raw: memoryview) -> tuple[Tensor, ...]:
        """The inputs, with these bytes; as many as there were the first time."""
        return tuple([Tensor(one.name, one.datatype, one.shape, raw[one.start : one.end]) for one in self.inputs])

    def contents(self, raw: memoryview) -> list[Buffer]:
        """Of these bytes those of each input."""
        return [raw[one.start : one.end] for one in self.inputs]

    def line(self, model: ModelRef, lines: Callable[[Form], Line]) -> Line:
        """Where requests of a model wait for others with this JSON; made by `lines`."""
        line = self._lines.get(model)
        if line is None:
            inputs = [(one.name, one.datatype, one.shape) for one in self.inputs]
            if len(self._lines) >= MOST_MODELS:
                self._lines.clear()
            line = self._lines[model] = lines(Form(model, inputs, self.outputs, "http"))
        return line


class Templates:
    """The templates of a server, by the bytes of their JSON."""

    def __init__(self) -> None:
        self._known: dict[bytes, Template] = {}

    def get(self, json: Buffer) -> Template | None:
        return self._known.get(bytes(json)) if len(json) <= MOST_BYTES else None

    def fitting(self, json_bytes: int | None, body: memoryview) -> Template | None:
        """The one by which a body can be read that has so much JSON before its tensors."""
        if not json_bytes:
            return None
        template = self.get(body[:json_bytes])
        return template if template is not None and template.num_bytes == len(body) - json_bytes else None

    def keep(self, json: Buffer, request: Request, wanted: Wanted) -> None:
        """Remember what this JSON says, where it alone says it: no tensor's values, no parameters, no region.

        Values of BOOL and BYTES are looked at one by one, so such requests are read anew.
        """
        plain = not request.parameters and all(tensor.datatype not in ("BOOL", "BYTES") for tensor in request.inputs)
        if plain and len(json) <= MOST_BYTES:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[bytes(json)] = Template(request, wanted)
