"""String tensors: the wire's bytes <-> the text that libraries take."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.arrays import to_bytes
from headrace.errors import InputRefused


def decoded(name: str, array: NDArray[np.generic]) -> NDArray[np.object_]:
    """An object array of `str`, for libraries that carry UTF-8 only. Raises InputRefused with the first bad element."""
    return _mapped([_text(name, index, element) for index, element in enumerate(array.flat)], array.shape)


def encoded(array: NDArray[np.generic]) -> NDArray[np.object_]:
    """An object array of `bytes`, as the rest of the server holds strings."""
    return _mapped([to_bytes(element) for element in array.flat], array.shape)


def _text(name: str, index: int, element: Any) -> str:
    if isinstance(element, str):
        return element
    try:
        return bytes(element).decode()
    except UnicodeDecodeError as error:
        raise InputRefused(
            f"element {index} is not UTF-8 (byte 0x{error.object[error.start]:02x} at {error.start}), "
            "and this runtime carries text only",
            name,
        ) from error


def _mapped(elements: list[Any], shape: tuple[int, ...]) -> NDArray[np.object_]:
    result = np.empty(len(elements), dtype=object)
    result[:] = elements
    return result.reshape(shape)
