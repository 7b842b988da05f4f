"""What NVIDIA's driver tells of GPUs, through NVML, the library that comes with it; none where that is not there."""

import ctypes
from typing import Any

import msgspec

LIBRARY = "libnvidia-ml.so.1"
_UUID_BYTES = 96


class Gpu(msgspec.Struct, frozen=True):
    """One GPU now; None for what this one does not tell."""

    uuid: str
    utilization: float | None  # 0 to 1
    memory_total_bytes: int | None
    memory_used_bytes: int | None
    power_w: float | None
    power_limit_w: float | None
    energy_j: float | None  # since the driver was loaded


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class _Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class Nvml:
    """Owns the open library."""

    def __init__(self, library: Any) -> None:
        """Any: its functions are found by name, as `ctypes.CDLL` has them."""
        self._library = library

    def read(self) -> list[Gpu]:
        """Every GPU; each question may take milliseconds."""
        count = ctypes.c_uint()
        if self._library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
            return []
        return [gpu for index in range(count.value) if (gpu := self._gpu(index))]

    def _gpu(self, index: int) -> Gpu | None:
        handle = ctypes.c_void_p()
        if self._library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle)):
            return None
        name = ctypes.create_string_buffer(_UUID_BYTES)
        if self._library.nvmlDeviceGetUUID(handle, name, ctypes.c_uint(_UUID_BYTES)):
            return None
        busy = self._told("nvmlDeviceGetUtilizationRates", handle, _Utilization())
        memory = self._told("nvmlDeviceGetMemoryInfo", handle, _Memory())
        power = self._told("nvmlDeviceGetPowerUsage", handle, ctypes.c_uint())
        limit = self._told("nvmlDeviceGetEnforcedPowerLimit", handle, ctypes.c_uint())
        energy = self._told("nvmlDeviceGetTotalEnergyConsumption", handle, ctypes.c_ulonglong())
        return Gpu(
            uuid=name.value.decode(errors="replace"),
            utilization=busy and busy.gpu / 100,
            memory_total_bytes=memory and int(memory.total),
            memory_used_bytes=memory and int(memory.used),
            power_w=power and power.value / 1000,
            power_limit_w=limit and limit.value / 1000,
            energy_j=energy and energy.value / 1000,
        )

    def _told(self, function: str, handle: ctypes.c_void_p, into: Any) -> Any:
        """What the function writes there; None where this GPU, or this driver, does not tell."""
        try:
            failed = getattr(self._library, function)(handle, ctypes.byref(into))
        except AttributeError:
            return None
        return None if failed else into


def open_nvml(library: str = LIBRARY) -> Nvml | None:
    """The library, ready to be asked; None where there is no driver, or it does not answer."""
    try:
        loaded = ctypes.CDLL(library)
        failed = loaded.nvmlInit_v2()
    except (OSError, AttributeError):
        return None
    return None if failed else Nvml(loaded)
