"""How each output is wanted: as it is or as classes, in the answer or in shared memory; the same over HTTP and gRPC."""

from collections.abc import Mapping
from typing import NamedTuple

from headrace.errors import InvalidRequest
from headrace.models.registry import Registry
from headrace.protocols.oip.parameter_values import flag, integer
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.shared_tensors import REGION, Place, read_place
from headrace.types import ModelRef, Parameter, Response


class Classes(NamedTuple):
    """The classification asked of an output, and what its model says for it."""

    top: int  # how many
    labels: tuple[str, ...]
    batched: bool


class WantedOutput(NamedTuple):
    """How one output is wanted."""

    where: str  # the path in the request, for errors
    binary: bool = True  # HTTP only: gRPC has no other
    classes: Classes | None = None
    place: Place | None = None


class Wanted(NamedTuple):
    """How an answer over HTTP is wanted."""

    id: str | None  # echoed where the client gave one
    binary: bool  # outputs that are not named below
    outputs: Mapping[str, WantedOutput]
    answers: "Answers | None" = None  # where all of it is wanted in binary: what was written before

    @property
    def all_binary(self) -> bool:
        """Whether no value goes into the JSON, nor anything else that differs between answers of one form."""
        plain = all(one.binary and one.classes is None and one.place is None for one in self.outputs.values())
        return plain if self.outputs else self.binary


MOST_ANSWERS = 256


class Answers:
    """The JSON of binary answers, and the header lines about it, by what they depend on: the version, which may be
    replaced by another file, and names, datatypes, shapes and sizes of the outputs."""

    def __init__(self) -> None:
        self._known: dict[object, tuple[bytes, bytes]] = {}

    def get(self, response: Response) -> tuple[bytes, bytes] | None:
        return self._known.get(_form(response))

    def keep(self, response: Response, json: bytes, headers: bytes) -> None:
        if len(self._known) >= MOST_ANSWERS:
            self._known.clear()
        self._known[_form(response)] = json, headers


def _form(response: Response) -> object:
    return response.model, *[(each.name, each.datatype, each.shape, len(each.data)) for each in response.outputs]


class Outputs:
    """Reads what a request says of its outputs, one after the other; `found` is what was read, by name."""

    def __init__(self, model: ModelRef, registry: Registry, regions: Regions, binary: bool = True) -> None:
        self.found: dict[str, WantedOutput] = {}
        self._model = model
        self._registry = registry
        self._regions = regions
        self._binary = binary

    def add(self, name: str, parameters: Mapping[str, Parameter] | None) -> None:
        """Take the next output. Raises InvalidRequest, also where it is there already, and NotFound for a region."""
        where = f"outputs[{len(self.found)}]"
        if name in self.found:
            raise InvalidRequest(f"{name!r} is asked for twice", f"{where}.name")
        if not parameters:
            self.found[name] = WantedOutput(where, self._binary)
            return
        at = f"{where}.parameters"
        classes = self._classes(name, parameters, at) if "classification" in parameters else None
        place = read_place(parameters, at) if REGION in parameters else None
        if place is not None:
            self._regions.check(*place, where=f"{at}.{REGION}")
        self.found[name] = WantedOutput(where, flag(parameters, "binary_data", at, self._binary), classes, place)

    def _classes(self, name: str, parameters: Mapping[str, Parameter], where: str) -> Classes:
        top = integer(parameters, "classification", where)
        if not top:
            raise InvalidRequest("0 classes are asked for; ask for 1 or more", f"{where}.classification")
        signature = self._registry.get(self._model).signature
        labels = next((spec.labels for spec in signature.outputs if spec.name == name), ())
        return Classes(top, labels, signature.batch.batched)
