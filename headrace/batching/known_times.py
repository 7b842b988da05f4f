"""What is known of the runs of a server's models, for those who want to reckon with it elsewhere."""

from typing import Any

import msgspec

from headrace.batching.latency import Latency
from headrace.types import ModelVersion


class Known(msgspec.Struct, frozen=True):
    """Of one file of a model version, as it is run."""

    latency: Latency
    max_size: int  # rows in one run
    instances: int
    packed: bool = False  # rows of several lengths cost their own each


class KnownTimes:
    """By version and variant, while they are loaded; owned by what builds models."""

    def __init__(self) -> None:
        self._known: dict[tuple[ModelVersion, str], Known] = {}

    def add(self, version: ModelVersion, variant: str, known: Known) -> None:
        """It is loaded."""
        self._known[version, variant] = known

    def remove(self, version: ModelVersion, variant: str, known: Known) -> None:
        """It is unloaded; nothing happens where it was loaded anew meanwhile."""
        if self._known.get((version, variant)) is known:
            del self._known[version, variant]

    def variants(self, version: ModelVersion) -> list[str]:
        """Of whose runs something may be known, the version's own file first."""
        return [variant for each, variant in self._known if each == version]

    def told(self, version: ModelVersion, variant: str) -> dict[str, Any] | None:
        """What `headrace simulate` reads, "" is of the version's own file; None where nothing is known, or where nobody
        foresees times."""
        variant = variant or next(iter(self.variants(version)), "")
        known = self._known.get((version, variant))
        if known is None or not known.latency.known:
            return None
        return {
            "model_name": version.name,
            "model_version": str(version.version),
            "variant": variant,
            "max_size": known.max_size,
            "instances": known.instances,
            "packed": known.packed,
            "latency": known.latency.to_json(),
        }
