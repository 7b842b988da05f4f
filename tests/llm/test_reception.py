"""Requests are read at once or aside, and what goes wrong is their answer."""

from headrace.errors import InvalidRequest
from headrace.generation import Detokenized
from headrace.llm.reception import Reception


def test_what_is_quick_is_done_at_once() -> None:
    reception = Reception()
    reception.read(1, lambda: "text", lambda text: reception.answer(1, Detokenized(text)), now=True)
    assert reception.has_news
    assert [answer.result for answer in reception.collect()] == [Detokenized("text")]
    assert not reception.has_news


def test_what_is_not_is_done_aside_and_gone_on_with_when_it_is_picked_up() -> None:
    reception = Reception()
    reception.read(1, lambda: "text", lambda text: reception.answer(1, Detokenized(text)), now=False)
    assert len(reception) == 1
    reception.close()
    assert reception.collect() == []
    reception.pick_up()
    assert [answer.result for answer in reception.collect()] == [Detokenized("text")]


def refused(now: bool) -> tuple[str, str]:
    reception = Reception()

    def job() -> str:
        raise InvalidRequest("is wrong", "prompt")

    reception.read(1, job, lambda _: None, now=now)
    reception.close()
    reception.pick_up()
    (answer,) = reception.collect()
    assert answer.fault is not None
    return answer.fault.code, answer.fault.where


def test_a_refusal_answers_the_request_wherever_it_was_read() -> None:
    assert refused(now=True) == refused(now=False) == ("invalid_request", "prompt")


def test_a_fault_of_our_own_is_told_as_such() -> None:
    reception = Reception()
    reception.refuse(1, ValueError("wrong"))
    (answer,) = reception.collect()
    assert answer.fault is not None
    assert (answer.fault.code, answer.fault.message) == ("internal", "ValueError: wrong")


def test_nothing_is_answered_to_one_that_went_away() -> None:
    reception = Reception()
    reception.answer(1, Detokenized("a"), final=False)
    reception.read(2, lambda: "text", lambda text: reception.answer(2, Detokenized(text)), now=False)
    assert not reception.drop(1)
    assert reception.drop(2)
    reception.close()
    reception.pick_up()
    assert reception.collect() == []
