"""JSON that clients send again and again around tensors that differ: read and written once. Knows no values.

A client that sends its tensors in binary repeats the JSON before them to the byte, request after request, and the
JSON of the answers repeats as well (`wanted.Answers`).
"""

import msgspec

from headrace.protocols.oip.wanted import Wanted
from headrace.types import Buffer, Request, Shape, Tensor

MOST = 256  # templates
MOST_BYTES = 4096  # of a JSON worth keeping


class Slice(msgspec.Struct, frozen=True):
    """An input in binary: what it is, and where its bytes lie behind the JSON."""

    name: str
    datatype: str
    shape: Shape
    start: int
    end: int


class Template:
    """One JSON that was read: its inputs, its outputs, and how its answer is wanted."""

    __slots__ = ("id", "inputs", "num_bytes", "outputs", "wanted")

    def __init__(self, request: Request, wanted: Wanted) -> None:
        self.id = wanted.id or ""
        self.outputs = request.outputs
        self.wanted = wanted
        self.inputs: list[Slice] = []
        self.num_bytes = 0
        for tensor in request.inputs:
            end = self.num_bytes + len(tensor.data)
            self.inputs.append(Slice(tensor.name, tensor.datatype, tensor.shape, self.num_bytes, end))
            self.num_bytes = end

    def tensors(self, raw: memoryview) -> tuple[Tensor, ...]:
        """The inputs, with these bytes; as many as there were the first time."""
        return tuple([Tensor(one.name, one.datatype, one.shape, raw[one.start : one.end]) for one in self.inputs])


class Templates:
    """The templates of a server, by the bytes of their JSON."""

    def __init__(self) -> None:
        self._known: dict[bytes, Template] = {}

    def get(self, json: Buffer) -> Template | None:
        return self._known.get(bytes(json)) if len(json) <= MOST_BYTES else None

    def keep(self, json: Buffer, request: Request, wanted: Wanted) -> None:
        """Remember what this JSON says, where it alone says it: no tensor's values, no parameters, no region.

        Values of BOOL and BYTES are looked at one by one, so such requests are read anew.
        """
        plain = not request.parameters and all(tensor.datatype not in ("BOOL", "BYTES") for tensor in request.inputs)
        if plain and len(json) <= MOST_BYTES:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[bytes(json)] = Template(request, wanted)
