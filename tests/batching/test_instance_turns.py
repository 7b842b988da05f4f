"""Batches that an instance has at once are run, and charged, one after another."""

from headrace.batching.instance_turns import InstanceTurns, Turn
from headrace.device_time import DeviceTime


def test_a_batch_begins_when_it_is_handed_over_or_when_the_one_before_it_ends() -> None:
    turns = InstanceTurns(1, DeviceTime())
    turns.handed(0, 100)
    turns.handed(0, 120)
    assert turns.ended(0, 100, 150, ran=True) == Turn(100, 50)
    assert turns.ended(0, 120, 190, ran=True) == Turn(150, 40)


def test_instances_that_run_at_once_share_the_device() -> None:
    turns = InstanceTurns(2, DeviceTime())
    turns.handed(0, 0)
    turns.handed(1, 0)
    assert turns.ended(0, 0, 100, ran=True).device_ns == 50
    assert turns.ended(1, 0, 140, ran=True).device_ns == 90


def test_what_was_lost_before_its_turn_took_nothing() -> None:
    device = DeviceTime()
    turns = InstanceTurns(1, device)
    turns.handed(0, 0)
    turns.handed(0, 10)
    assert turns.ended(0, 10, 50, ran=False).device_ns == 0
    assert turns.ended(0, 0, 50, ran=True).device_ns == 50
    assert device.spent(80).idle_ns == 30
