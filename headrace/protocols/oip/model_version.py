"""A model and a version as clients write them -> ModelRef."""

import re

from headrace.errors import VersionNotFound
from headrace.models.registry import is_label
from headrace.types import ModelRef

_VERSION = re.compile("v?([0-9]{1,18})")


def read_model(name: str, version: str) -> ModelRef:
    """The model meant; an empty version leaves the choice to the server, `v3` is 3, and a label may stand for one.

    Raises VersionNotFound.
    """
    if not version:
        return ModelRef(name)
    number = _VERSION.fullmatch(version)
    if number is None and is_label(version):
        return ModelRef(name, None, version)
    if number is None:
        raise VersionNotFound(
            f"{version!r} is not a version of model {name!r}: versions are numbers, or labels as in stable"
        )
    return ModelRef(name, int(number[1]))
