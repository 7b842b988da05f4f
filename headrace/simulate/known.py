"""What is known of a model's runs, read from text: the file that a server keeps, or what it tells over HTTP. No I/O."""

import math
from typing import Any

import msgspec

from headrace.simulate.run_times import RunTimes


class Told(msgspec.Struct, frozen=True):
    """What a server tells of a model."""

    latency: dict[str, Any]
    model_name: str = ""
    model_version: str = ""
    variant: str = ""
    max_size: int | None = None  # rows in one run
    instances: int | None = None
    packed: bool = False  # rows of several lengths cost their own each

    @property
    def slowed(self) -> float:
        """How many times as long as usual its runs took when this was told."""
        return math.exp(self.latency.get("alone") or 0.0)


def read_known(text: str | bytes) -> Told:
    """Raises ValueError that says what is wrong."""
    try:
        said = msgspec.json.decode(text)
        if isinstance(said, dict) and "knots" in said:
            said = {"latency": said}
        told = msgspec.convert(said, Told)
        RunTimes(told.latency, 0)
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"not the times of a model ({error})") from error
    return told
