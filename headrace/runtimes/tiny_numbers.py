"""Numbers too small for a float's full precision, taken as zero: processors compute with them a hundred times slower.

What a mask leaves out of a softmax is of that size (e^-103, the least that ONNX Runtime's kernel computes), and there
is more of it the more rows are filled up: 16 texts of 10 to 64 tokens in one run of MiniLM's int8 file take 41 ms, and
32 where they are zero (`benchmarks/bench_tiny_numbers.py`).
"""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_BYTES = 64  # more than glibc's and musl's fenv_t on any machine below
_WHERE: dict[str, tuple[int, int]] = {
    "x86_64": (28, 0x8040),  # MXCSR: flush to zero, denormals are zeros (Intel's manual, volume 1, 10.2.3)
    "aarch64": (0, 1 << 24),  # FPCR: FZ (Arm's manual, D19)
}
"""Machine -> where the register stands in the C library's fenv_t, and its bits."""


def _library() -> ctypes.CDLL | None:
    if platform.system() != "Linux" or platform.machine() not in _WHERE:
        return None
    for name in (None, "libm.so.6"):  # Python may be linked without the mathematical half
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(name)
            _ = library.fegetenv, library.fesetenv
            return library
    return None


_LIBRARY = _library()


@contextmanager
def zeroed() -> Iterator[None]:
    """The calling thread takes them as zero meanwhile, threads that it starts for good; on Linux, elsewhere nowhere."""
    if _LIBRARY is None:
        yield
        return
    before = ctypes.create_string_buffer(_BYTES)
    _LIBRARY.fegetenv(before)
    _LIBRARY.fesetenv(_with_bits(before.raw))
    try:
        yield
    finally:
        _LIBRARY.fesetenv(before)


def _with_bits(environment: bytes) -> bytes:
    place, bits = _WHERE[platform.machine()]
    register = int.from_bytes(environment[place : place + 4], "little") | bits
    return environment[:place] + register.to_bytes(4, "little") + environment[place + 4 :]
