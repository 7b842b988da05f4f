"""Tensors whose data lies in a shared memory region, as their parameters say; the same over HTTP and gRPC."""

from collections.abc import Mapping
from typing import NamedTuple

from headrace.errors import InvalidRequest
from headrace.protocols.oip.parameter_values import integer, text
from headrace.protocols.oip.shapes import check_size
from headrace.protocols.oip.shared_memory import Regions
from headrace.types import Parameter, Shape, Tensor

REGION = "shared_memory_region"
"""The parameter that says that a tensor's data is not in the message."""


class Place(NamedTuple):
    """Where in shared memory a tensor lies, in bytes from the region's start."""

    region: str
    offset: int
    byte_size: int


def read_place(parameters: Mapping[str, Parameter], where: str) -> Place:
    """Where a tensor lies; `where` is the path of its parameters. Raises InvalidRequest."""
    region = text(parameters, REGION, where)
    offset = integer(parameters, "shared_memory_offset", where, 0)
    return Place(region, offset, integer(parameters, "shared_memory_byte_size", where))


class SharedInputs:
    """Reads the inputs of one request, of which each is a copy: together they may be no more than one could be."""

    def __init__(self, regions: Regions) -> None:
        self._regions = regions
        self._left = regions.max_read_bytes

    def read(self, datatype: str, shape: Shape, parameters: Mapping[str, Parameter], where: str) -> bytes:
        """The data of an input; its size is checked before anything is read. Raises InvalidRequest or NotFound."""
        at = f"{where}.parameters"
        place = read_place(parameters, at)
        check_size(datatype, shape, place.byte_size, where)
        self._left -= place.byte_size
        if self._left < 0:
            most = f"{self._regions.max_read_bytes} bytes of shared memory, the most of a request"
            what = f"with {place.byte_size} more the inputs are over {most}"
            raise InvalidRequest(what, f"{at}.shared_memory_byte_size")
        return self._regions.read(*place, where=f"{at}.{REGION}")


def write_shared(tensor: Tensor, place: Place, where: str, regions: Regions) -> dict[str, Parameter]:
    """Put an output in its place; returns the parameters that tell the client so. Raises InvalidRequest."""
    regions.write(*place, data=tensor.data, where=f"{where}.parameters.{REGION}")
    said: dict[str, Parameter] = {REGION: place.region, "shared_memory_byte_size": len(tensor.data)}
    return said | ({"shared_memory_offset": place.offset} if place.offset else {})
