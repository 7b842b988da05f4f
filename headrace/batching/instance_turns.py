"""When each instance began what it runs, and its part of the device: of batches handed over, one runs at a time."""

import msgspec

from headrace.device_time import DeviceTime


class Turn(msgspec.Struct, frozen=True, gc=False):
    """One batch that is no longer run."""

    began_ns: int  # when it was handed over, or when the one before it ended
    device_ns: int  # its part of the device's time


class InstanceTurns:
    """Of the instances of one model; each answers in the order in which it was handed batches."""

    def __init__(self, num_instances: int, device: DeviceTime) -> None:
        self._device = device
        self._idle_since_ns = [0] * num_instances  # when the last run of each ended
        self._handed = [0] * num_instances  # batches that each has
        self._marks = [0.0] * num_instances

    def handed(self, instance: int, now_ns: int) -> None:
        """It has one batch more."""
        if not self._handed[instance]:
            self._marks[instance] = self._device.began(now_ns)
        self._handed[instance] += 1

    def ended(self, instance: int, handed_ns: int, now_ns: int, *, ran: bool) -> Turn:
        """It has one less; one that never `ran` was lost before its turn came."""
        began_ns = max(handed_ns, self._idle_since_ns[instance])
        self._idle_since_ns[instance] = now_ns
        self._handed[instance] -= 1
        if not ran and self._handed[instance]:
            return Turn(began_ns, 0)
        device_ns = self._device.ended(self._marks[instance], now_ns)
        if self._handed[instance]:
            self._marks[instance] = self._device.began(now_ns)
        return Turn(began_ns, device_ns)
