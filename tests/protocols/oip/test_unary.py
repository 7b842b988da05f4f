"""One answer where there is room for one."""

import msgspec

from headrace.errors import Cancelled, InvalidRequest
from headrace.protocols.oip.unary import whole
from headrace.types import ModelVersion, Response

RESPONSE = Response(ModelVersion("m", 1), (), None)


def test_a_whole_answer_and_an_error_are_told_as_they_are() -> None:
    error = Cancelled("gone")
    assert whole(RESPONSE) is RESPONSE
    assert whole(error) is error


def test_a_part_of_an_answer_is_refused() -> None:
    refusal = whole(msgspec.structs.replace(RESPONSE, final=False))
    assert isinstance(refusal, InvalidRequest)
    assert "m/1 answers this in several parts" in refusal.message
