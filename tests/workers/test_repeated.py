"""What comes again and again is known, within bounds."""

from headrace.workers.repeated import MOST, Repeated


def test_what_was_kept_is_there_the_next_time() -> None:
    known: Repeated[bytes, int] = Repeated()
    known.keep(b"a", 1)
    assert known.get(b"a") == 1
    assert known.get(b"b") is None


def test_however_much_comes_it_holds_a_bounded_part_with_the_latest() -> None:
    known: Repeated[int, int] = Repeated()
    for number in range(3 * MOST + 7):
        known.keep(number, number)
        assert len(known) <= MOST
        assert known[number] == number
