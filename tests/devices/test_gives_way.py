"""Who gives way to nobody."""

import os

from headrace.devices.gives_way import at_once


def test_what_gives_way_to_nobody_runs_as_before() -> None:
    before = os.getpriority(os.PRIO_PROCESS, os.getpid())
    with at_once(os.getpid()):
        assert os.getpriority(os.PRIO_PROCESS, os.getpid()) == before
