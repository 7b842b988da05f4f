"""GPUs are read through the driver's library, and what it does not tell is left out."""

import ctypes
from typing import Any

from headrace.devices.nvml import Gpu, Nvml, open_nvml

SUCCESS, NOT_SUPPORTED = 0, 3


class Library:
    """NVML of a machine with these GPUs, whose functions write where they are told to."""

    def __init__(self, uuids: tuple[bytes, ...] = (b"GPU-1",), *, can_tell: bool = True) -> None:
        self._uuids = uuids
        self._told = SUCCESS if can_tell else NOT_SUPPORTED

    def nvmlDeviceGetCount_v2(self, into: Any) -> int:  # noqa: N802
        into._obj.value = len(self._uuids)
        return SUCCESS

    def nvmlDeviceGetHandleByIndex_v2(self, index: ctypes.c_uint, into: Any) -> int:  # noqa: N802
        into._obj.value = index.value + 1
        return SUCCESS

    def nvmlDeviceGetUUID(self, handle: ctypes.c_void_p, into: Any, size: ctypes.c_uint) -> int:  # noqa: N802
        into.value = self._uuids[(handle.value or 1) - 1]
        return SUCCESS

    def nvmlDeviceGetUtilizationRates(self, handle: ctypes.c_void_p, into: Any) -> int:  # noqa: N802
        into._obj.gpu = 37
        return self._told

    def nvmlDeviceGetMemoryInfo(self, handle: ctypes.c_void_p, into: Any) -> int:  # noqa: N802
        into._obj.total, into._obj.used = 80 << 30, 3 << 30
        return self._told

    def nvmlDeviceGetPowerUsage(self, handle: ctypes.c_void_p, into: Any) -> int:  # noqa: N802
        into._obj.value = 71_500
        return self._told

    def nvmlDeviceGetEnforcedPowerLimit(self, handle: ctypes.c_void_p, into: Any) -> int:  # noqa: N802
        into._obj.value = 700_000
        return self._told


def test_what_a_gpu_tells_is_read_in_units_of_their_own() -> None:
    assert Nvml(Library()).read() == [Gpu("GPU-1", 0.37, 80 << 30, 3 << 30, 71.5, 700.0, None)]


def test_every_gpu_is_read() -> None:
    assert [gpu.uuid for gpu in Nvml(Library((b"a", b"b", b"c"))).read()] == ["a", "b", "c"]


def test_what_a_gpu_does_not_tell_is_none() -> None:
    assert Nvml(Library(can_tell=False)).read() == [Gpu("GPU-1", None, None, None, None, None, None)]


def test_without_a_driver_there_is_nothing_to_ask() -> None:
    assert open_nvml("libnothing-of-that-name.so.1") is None
