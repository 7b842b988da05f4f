"""Work beside the steps is picked up when it is done, whatever came of it."""

import threading

import pytest

from headrace.llm.aside import Aside


def wait(aside: Aside[int], count: int = 1) -> list[int]:
    found: list[int] = []
    for _ in range(10_000_000):
        found += [number for number, _ in aside.finished()]
        if len(found) >= count:
            return found
    raise AssertionError("it never ends")


def test_a_job_is_picked_up_once() -> None:
    aside: Aside[int] = Aside()
    aside.start(1, lambda: 5)
    assert len(aside) == 1
    assert wait(aside) == [1]
    assert (len(aside), aside.any_finished, aside.finished()) == (0, False, [])
    aside.close()


def test_what_a_job_raises_is_raised_where_it_is_picked_up() -> None:
    aside: Aside[int] = Aside()

    def fail() -> int:
        raise ValueError("wrong")

    aside.start(1, fail)
    aside.close()
    ((_, future),) = aside.finished()
    with pytest.raises(ValueError, match="wrong"):
        future.result()


def test_a_job_that_nobody_wants_is_never_picked_up() -> None:
    aside: Aside[int] = Aside(threads=1)
    held = threading.Event()
    aside.start(1, lambda: (held.wait(10) and 1) or 0)
    aside.start(2, lambda: 2)
    assert (aside.drop(1), aside.drop(2), aside.drop(3)) == (True, True, False)
    held.set()
    aside.close()
    assert aside.finished() == []
