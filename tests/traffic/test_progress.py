"""A step ends when it lasted, was answered, and breached nothing."""

import msgspec

from headrace.traffic.difference import NONE
from headrace.traffic.gates import Seen
from headrace.traffic.plans import DifferenceGate, Gates, Rollout
from headrace.traffic.progress import Back, Finish, GoTo, Stay, next_move

ROLLOUT = Rollout(3, 4, (0.1, 1.0), step_s=60.0, min_requests=5, gates=Gates(errors=0.01))


def seen(answers: int, failed: int = 0) -> Seen:
    made = Seen()
    for index in range(answers):
        made.add(of_target=True, mirrored=False, failed=index < failed)
    return made


def test_a_step_lasts_until_it_was_answered_and_its_time_is_over() -> None:
    assert next_move(ROLLOUT, seen(4), 1000.0) == Stay("answers: 4 of 5")
    assert next_move(ROLLOUT, seen(5), 59.0) == Stay("time: 59 of 60 s")
    assert next_move(ROLLOUT, seen(5), 60.0) == GoTo(1)


def test_after_the_last_step_it_is_finished() -> None:
    assert next_move(msgspec.structs.replace(ROLLOUT, step=1), seen(5), 60.0) == Finish()


def test_a_breach_goes_back_at_once() -> None:
    move = next_move(ROLLOUT, seen(4, failed=4), 0.0)
    assert isinstance(move, Back)
    assert move.reason.startswith("gate errors: 4 of 4 requests failed")


def test_where_answers_are_to_be_compared_some_must_have_been() -> None:
    compares = msgspec.structs.replace(ROLLOUT, gates=Gates(difference=DifferenceGate(), compare=1.0))
    answered = seen(5)
    assert next_move(compares, answered, 60.0) == Stay("answers that are compared")
    answered.add_difference(NONE)
    assert next_move(compares, answered, 60.0) == GoTo(1)
