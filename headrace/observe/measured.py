"""What no record tells and is measured all the time: the event loop's lateness, processor time, GPUs."""

from collections.abc import Iterator, Sequence

from headrace.clock import Clock
from headrace.devices.nvml import open_nvml
from headrace.observe.cpu_times import CpuTimes
from headrace.observe.gpus import Gpus
from headrace.observe.loop_lag import LoopLag
from headrace.records import Record


class Measured:
    """A listener of the bus that owns these three, from `start` to `close`."""

    def __init__(self, clock: Clock) -> None:
        self._loop_lag = LoopLag(clock)
        self._cpu_times = CpuTimes(clock)
        self._gpus = Gpus(open_nvml)

    def __call__(self, records: Sequence[Record]) -> None:
        self._cpu_times(records)

    def start(self) -> None:
        self._loop_lag.start()
        self._cpu_times.start()
        self._gpus.start()

    async def close(self) -> None:
        self._loop_lag.close()
        self._cpu_times.close()
        await self._gpus.close()

    def lines(self) -> Iterator[str]:
        """What Prometheus reads of them."""
        yield from self._loop_lag.lines()
        yield from self._cpu_times.lines()
        yield from self._gpus.lines()
