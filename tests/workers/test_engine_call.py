"""A request goes to the next engine as it was, or behind what its caller was told of it."""

from headrace.generation import Delta, Generate, Generated, Prompt, Usage
from headrace.llm.terms import Terms
from headrace.workers import engine_wire as wire
from headrace.workers.engine_call import Call, resumed
from headrace.workers.resumption import Resumption


def _call() -> Call:
    add = wire.encode(wire.Add(7, Generate(Prompt(text="a"), stream=True), Terms()))
    return Call(7, add, Terms(), lambda answer: None, lambda result: ())


def test_of_which_nothing_was_told_it_goes_as_it_was() -> None:
    call = _call()
    assert resumed(call) is call.add
    call.resumption = Resumption(1)
    assert resumed(call) is call.add


def test_of_which_something_was_told_it_goes_on_behind_that() -> None:
    call = _call()
    call.resumption = Resumption(1)
    call.resumption.hear(Generated((Delta(0, "b", (98,)),), Usage(1, 1)))
    (told,) = wire.decode_add(resumed(call)).told
    assert told.token_ids == (98,)
