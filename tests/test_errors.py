"""The error tree."""

import re

import pytest

from headrace import errors
from headrace.errors import (
    HeadraceError,
    InputRefused,
    Internal,
    InvalidRequest,
    QueueFull,
    Unavailable,
    WorkerLost,
    error_of,
    forget_frames,
)

TREE = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, HeadraceError)]


def test_codes_are_stable_words_and_each_is_one_error() -> None:
    codes = [each.code for each in TREE if each is not HeadraceError]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)


@pytest.mark.parametrize("error", TREE)
def test_every_error_is_drawn_in_the_tree(error: type[HeadraceError]) -> None:
    assert re.search(rf"\b{error.__name__}\b", errors.__doc__ or "")


def test_a_message_begins_with_the_field_at_fault() -> None:
    assert str(HeadraceError("it is 3", "inputs[0].shape")) == "inputs[0].shape: it is 3"
    assert str(HeadraceError("it is 3")) == "it is 3"


def test_what_is_unavailable_may_say_when_to_come_back() -> None:
    assert QueueFull("full", retry_after_s=2).retry_after_s == 2
    assert Unavailable("gone").retry_after_s is None


@pytest.mark.parametrize(
    ("code", "kind"), [("input_refused", InputRefused), ("worker_lost", WorkerLost), ("nonsense", Internal)]
)
def test_an_error_is_found_by_its_code(code: str, kind: type[Exception]) -> None:
    error = error_of(code, "why")
    assert type(error) is kind
    assert str(error) == "why"


def test_an_error_forgets_the_frames_of_all_that_it_was_raised_from() -> None:
    try:
        try:
            raise ValueError("first")
        except ValueError as error:
            raise InvalidRequest("second") from error
    except InvalidRequest as error:
        forget_frames(error)
        assert error.__traceback__ is None
        assert error.__cause__ and error.__cause__.__traceback__ is None


def test_errors_that_lead_to_each_other_are_forgotten_too() -> None:
    first, second = ValueError("first"), InvalidRequest("second")
    first.__context__, second.__cause__ = second, first
    try:
        raise second
    except InvalidRequest as error:
        first.__context__ = error
        forget_frames(error)
        assert (error.__traceback__, first.__traceback__) == (None, None)
