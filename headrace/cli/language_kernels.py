"""Whose kernels multiply the weights of language models on this machine, for `headrace doctor`."""

from collections.abc import Collection, Mapping
from typing import Literal

import msgspec

from headrace.cache_folder import cache_folder


class Kernels(msgspec.Struct, frozen=True):
    """`told` says whose they are; `lacks` what it would take for quicker ones, empty where nothing would."""

    told: str
    lacks: str = ""


def language_kernels(
    asked: Literal["auto", "openvino"], features: Collection[str], environment: Mapping[str, str]
) -> Kernels:
    """Those that a server would have, by `llm.kernels`. Ours are made where they are not there yet, as it would do."""
    try:
        from headrace.kernels.library import library  # OpenVINO, which a doctor has to do without
    except ImportError:
        return Kernels("none: OpenVINO cannot be imported")
    if asked == "openvino":
        return Kernels("OpenVINO's, as llm.kernels says")
    found = library(cache_folder(environment), features)
    if found.path is not None:
        return Kernels("headrace's own")
    if found.lacks:
        return Kernels(f"OpenVINO's, for want of {found.lacks}", found.lacks)
    return Kernels("OpenVINO's: this processor has no tiles (AMX) for headrace's own")
