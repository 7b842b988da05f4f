"""How many copies of a model run side by side: `instances` and `batching.lanes` must agree on it. Pure."""

from collections.abc import Mapping

from headrace.errors import ModelInvalid
from headrace.repository.overrides import Overrides


def check_side_by_side(said: Overrides, provenance: Mapping[str, str]) -> None:
    """Raises ModelInvalid, which names file and key, where they say two things."""
    lanes, instances = said.batching.lanes, said.instances
    if lanes in (1, 2) and instances is not None and instances != lanes:
        where = provenance["instances"]
        message = f"says {lanes} side by side, and instances ({where}) says {instances}; leave one of them out"
        raise ModelInvalid(message, f"{provenance['batching.lanes']}: batching.lanes")
