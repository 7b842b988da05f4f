"""What GPUs do, under Triton's names, where the machine has any: asked every two seconds on a thread."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from headrace.devices.nvml import Gpu
from headrace.lasting import lasting
from headrace.observe import families
from headrace.observe.exposition import Family, labels

EVERY_S = 2.0


class Nvml(Protocol):
    """Tells of every GPU."""

    def read(self) -> Sequence[Gpu]: ...


class Gpus:
    """Owns the task that asks, and what was told last."""

    def __init__(self, open_nvml: Callable[[], Nvml | None], every_s: float = EVERY_S) -> None:
        self.told: Sequence[Gpu] = ()
        self._open_nvml = open_nvml
        self._every_s = every_s
        self._first_j: dict[str, float] = {}  # the energy by when it was first asked: Triton counts from its start
        self._asking: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._asking = asyncio.create_task(self._ask())

    async def close(self) -> None:
        if self._asking:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def lines(self) -> Iterator[str]:
        """What Prometheus reads of them; nothing where there are none."""
        for family, read in _READ:
            found = ((gpu.uuid, read(gpu)) for gpu in self.told)
            yield from family.lines((labels({"gpu_uuid": uuid}), told) for uuid, told in found if told is not None)
        yield from families.GPU_ENERGY.lines(
            (labels({"gpu_uuid": gpu.uuid}), gpu.energy_j - self._first_j[gpu.uuid])
            for gpu in self.told
            if gpu.energy_j is not None
        )

    async def _ask(self) -> None:
        nvml = await asyncio.to_thread(self._open_nvml)
        while nvml is not None:
            with lasting("asking the GPUs"):
                self.told = await asyncio.to_thread(nvml.read)
                for gpu in self.told:
                    self._first_j.setdefault(gpu.uuid, gpu.energy_j or 0.0)
            await asyncio.sleep(self._every_s)


_READ: tuple[tuple[Family, Callable[[Gpu], float | None]], ...] = (
    (families.GPU_UTILIZATION, lambda gpu: gpu.utilization),
    (families.GPU_MEMORY_TOTAL, lambda gpu: gpu.memory_total_bytes),
    (families.GPU_MEMORY_USED, lambda gpu: gpu.memory_used_bytes),
    (families.GPU_POWER, lambda gpu: gpu.power_w),
    (families.GPU_POWER_LIMIT, lambda gpu: gpu.power_limit_w),
)
