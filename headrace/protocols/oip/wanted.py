"""How each output is wanted: as it is or as classes, in the answer or in shared memory; the same over HTTP and gRPC."""

from collections.abc import Mapping
from typing import NamedTuple

from headrace.errors import InvalidRequest
from headrace.models.registry import Registry
from headrace.protocols.oip.parameter_values import flag, integer
from headrace.protocols.oip.shared_memory import Regions
from headrace.protocols.oip.shared_tensors import REGION, Place, read_place
from headrace.types import ModelRef, Parameter


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
