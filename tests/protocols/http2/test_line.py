"""One connection at a time goes on, each round of the loop."""

from headrace.protocols.http2.line import Line
from tests.protocols.http2.peer import FakeLoop


def test_one_goes_on_each_round_in_the_order_of_joining() -> None:
    loop, gone = FakeLoop(), list[str]()
    line = Line(loop.call_soon)
    for name in "abc":
        line.join(lambda name=name: gone.append(name))  # type: ignore[misc]
    rounds = []
    while loop.soon:
        loop.turn()
        rounds.append("".join(gone))
    assert rounds == ["a", "ab", "abc"]


def test_who_joins_again_in_its_turn_stands_behind_the_others() -> None:
    loop, gone = FakeLoop(), list[str]()
    line = Line(loop.call_soon)

    def much() -> None:
        gone.append("much")
        if len(gone) < 4:
            line.join(much)

    line.join(much)
    line.join(lambda: gone.append("little"))
    while loop.soon:
        loop.turn()
    assert gone == ["much", "little", "much", "much"]


def test_who_joins_an_empty_line_has_the_next_round() -> None:
    loop, gone = FakeLoop(), list[str]()
    line = Line(loop.call_soon)
    for name in "ab":
        line.join(lambda name=name: gone.append(name))  # type: ignore[misc]
        loop.turn()
    assert (gone, loop.soon) == (["a", "b"], [])
