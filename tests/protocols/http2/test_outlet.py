"""What is written in one turn of the loop leaves at once, and in its order."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from headrace.protocols.http2.outlet import Outlet
from tests.protocols.http2.peer import FakeTransport


def opened() -> tuple[Outlet, FakeTransport, list[Callable[[], None]], list[int]]:
    transport = FakeTransport()
    soon: list[Callable[[], None]] = []
    writes: list[int] = []
    transport.on_write = lambda: writes.append(1)
    return Outlet(transport, soon.append), transport, soon, writes


def test_what_is_written_in_one_turn_leaves_at_once() -> None:
    outlet, transport, soon, writes = opened()
    outlet.write(b"a")
    outlet.writelines([b"b", b"c"])
    assert not writes
    (flush,) = soon
    flush()
    assert (bytes(transport.written), writes) == (b"abc", [1])


def test_much_does_not_wait() -> None:
    outlet, transport, _, _ = opened()
    outlet.write(bytes(70_000))
    assert len(transport.written) == 70_000


@given(st.lists(st.lists(st.integers(0, 40_000).map(bytes) | st.binary(max_size=9), max_size=4), max_size=6))
def test_all_of_it_leaves_in_its_order(pieces: list[list[bytes]]) -> None:
    outlet, transport, soon, _ = opened()
    for each in pieces:
        outlet.writelines(each)
        outlet.write(b"|")
    for flush in soon:
        flush()
    assert bytes(transport.written) == b"".join(b"".join(each) + b"|" for each in pieces)


def test_nothing_is_written_behind_the_end() -> None:
    outlet, transport, soon, _ = opened()
    outlet.write(b"a")
    outlet.shut()
    outlet.write(b"b")
    soon[-1]()
    assert transport.written == b"a"


def test_what_waits_for_a_transport_that_is_gone_is_dropped() -> None:
    outlet, transport, soon, _ = opened()
    outlet.write(b"a")
    outlet.lose()
    soon[0]()
    assert not transport.written


def test_what_is_written_while_it_is_held_leaves_with_the_release_and_asks_for_no_turn() -> None:
    outlet, transport, soon, writes = opened()
    outlet.hold()
    outlet.write(b"a")
    outlet.writelines([b"b"])
    assert not transport.written
    outlet.release()
    assert (bytes(transport.written), writes, soon) == (b"ab", [1], [])


def test_after_the_release_it_is_the_loops_turn_again() -> None:
    outlet, transport, soon, _ = opened()
    outlet.hold()
    outlet.release()
    outlet.write(b"a")
    assert not transport.written
    soon[0]()
    assert transport.written == b"a"
