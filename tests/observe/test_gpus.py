"""GPUs are told under Triton's names where there are any."""

import asyncio

from headrace.devices.nvml import Gpu
from headrace.observe.gpus import Gpus


class Nvml:
    """Tells these, one after another, then the last again; `again` is set once that is asked for."""

    def __init__(self, *readings: list[Gpu]) -> None:
        self.again = asyncio.Event()
        self._readings = [*readings]
        self._last: list[Gpu] = []
        self._loop = asyncio.get_running_loop()

    def read(self) -> list[Gpu]:
        if not self._readings:
            self._loop.call_soon_threadsafe(self.again.set)
            return self._last
        self._last = self._readings.pop(0)
        return self._last


async def test_energy_is_counted_from_the_first_reading() -> None:
    first, later = Gpu("g", 0.1, 9, 1, 50.0, 100.0, 1000.0), Gpu("g", 0.5, 9, 2, 60.0, 100.0, 1250.0)
    nvml = Nvml([first], [later])
    gpus = Gpus(lambda: nvml, every_s=0)
    gpus.start()
    await nvml.again.wait()
    await gpus.close()
    page = "\n".join(gpus.lines())
    assert 'nv_gpu_utilization{gpu_uuid="g"} 0.5' in page
    assert 'nv_gpu_memory_used_bytes{gpu_uuid="g"} 2' in page
    assert 'nv_energy_consumption{gpu_uuid="g"} 250.0' in page


def test_what_a_gpu_does_not_tell_has_no_sample() -> None:
    gpus = Gpus(lambda: None)
    gpus.told = [Gpu("g", None, 9, None, None, None, None)]
    assert [line for line in gpus.lines() if not line.startswith("#")] == ['nv_gpu_memory_total_bytes{gpu_uuid="g"} 9']


async def test_without_gpus_nobody_asks_and_nothing_is_told() -> None:
    gpus = Gpus(lambda: None)
    gpus.start()
    await gpus.close()
    assert list(gpus.lines()) == []
