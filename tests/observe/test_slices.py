"""What is made in slices is whole, and lets others have their turn."""

import asyncio
from collections.abc import Iterator

from headrace.observe.slices import joined


async def test_parts_are_lines_and_empty_ones_are_none() -> None:
    assert await joined(["a", "", "b\nc"]) == b"a\nb\nc\n"
    assert await joined([]) == b""


async def test_others_have_a_turn_between_two_slices() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def parts() -> Iterator[str]:
        for number in range(10):
            seen.append(turns)
            yield str(number)

    seen: list[int] = []
    beside = asyncio.create_task(other())
    page = await joined(parts(), slice_ns=0)
    beside.cancel()
    assert page == b"".join(b"%d\n" % number for number in range(10))
    assert seen == sorted(set(seen)), "each part had another turn before it"
