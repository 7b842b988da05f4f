"""What is to happen happens in order."""

from headrace.simulate.agenda import Agenda


def test_things_happen_by_time_and_those_of_one_moment_in_the_order_they_were_put_down() -> None:
    agenda, happened = Agenda(), list[tuple[int, str]]()
    for when_ns, what in ((5, "later"), (3, "first"), (3, "second")):
        agenda.at(when_ns, lambda now_ns, what: happened.append((now_ns, what)), what)
    assert agenda.next_ns == 3
    assert [agenda.step() for _ in range(3)] == [3, 3, 5]
    assert happened == [(3, "first"), (3, "second"), (5, "later")]
    assert not agenda
