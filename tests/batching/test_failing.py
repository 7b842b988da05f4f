"""Who waits, and who comes, while no instance takes work."""

from headrace.batching.failing import all_failing, failing
from headrace.types import ModelVersion
from tests.fakes import FakeInstance

VERSION = ModelVersion("m", 1)


def instance(ready: bool, failure: str = "") -> FakeInstance:
    made = FakeInstance()
    made.ready, made.failure = ready, failure
    return made


def test_while_an_instance_takes_work_nobody_is_told_of_those_that_fail() -> None:
    assert failing(VERSION, [instance(True), instance(False, "it does not start")]) is None


def test_while_all_are_about_to_come_back_waiting_is_of_use() -> None:
    assert failing(VERSION, [instance(False), instance(False)]) is None


def test_who_comes_is_told_why_an_instance_does_not_come_back() -> None:
    error = failing(VERSION, [instance(False), instance(False, "it does not start")])
    assert str(error) == "model m/1: it does not start"


def test_who_waits_is_told_only_once_none_may_come_back() -> None:
    assert all_failing(VERSION, [instance(False), instance(False, "it does not start")]) is None
    error = all_failing(VERSION, [instance(False, "no file"), instance(False, "it does not start")])
    assert str(error) == "model m/1: no file"
