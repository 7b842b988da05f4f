"""The latest streams that the server ended are known, and old ones are not kept."""

from headrace.protocols.http2.forgotten import Forgotten


def test_the_latest_are_known_and_the_oldest_are_not() -> None:
    forgotten = Forgotten()
    for number in range(1, 4001, 2):
        forgotten.add(number)
    assert 3999 in forgotten
    assert 1 not in forgotten
