"""Parameters with a meaning of their own."""

import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.oip.parameters import forwarded, read_context, trace_of
from headrace.types import Context, Parameter

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_without_parameters_there_is_no_deadline_and_the_default_priority() -> None:
    assert read_context({}, 5, "http", TRACE) == Context(5, "http", None, 0, TRACE)


def test_timeout_is_in_microseconds_from_arrival() -> None:
    assert read_context({"timeout": 7}, 1_000, "http").deadline_ns == 8_000


def test_a_timeout_of_zero_is_none() -> None:
    assert read_context({"timeout": 0}, 1_000, "http").deadline_ns is None


def test_the_sooner_of_timeout_and_the_protocols_deadline_holds() -> None:
    assert read_context({"timeout": 7}, 1_000, "grpc", deadline_ns=2_000).deadline_ns == 2_000
    assert read_context({"timeout": 1}, 1_000, "grpc", deadline_ns=9_000).deadline_ns == 2_000
    assert read_context({}, 1_000, "grpc", deadline_ns=9_000).deadline_ns == 9_000


def test_numbers_sent_as_text_are_understood() -> None:
    assert read_context({"timeout": "7", "priority": "2"}, 0, "http") == Context(0, "http", 7_000, 2)


@pytest.mark.parametrize("name", ["timeout", "priority"])
@pytest.mark.parametrize("value", [-1, 1.5, True, "soon", 2**64, "9" * 5000])
def test_what_is_no_such_number_is_refused_with_its_path(name: str, value: Parameter) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_context({name: value}, 0, "http")
    assert refusal.value.where == f"parameters.{name}"


def test_the_models_own_parameters_go_on_without_those_of_the_protocol() -> None:
    sent: dict[str, Parameter] = {
        "timeout": 1,
        "priority": 1,
        "binary_data_output": True,
        "sequence_id": 3,
        "mine": "x",
    }
    assert forwarded(sent) == {"sequence_id": 3, "mine": "x"}


@pytest.mark.parametrize("name", ["triton_final_response", "headers"])
def test_reserved_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"parameters.{name}: this name is reserved"):
        forwarded({name: 1})


def test_the_streaming_parameter_may_be_sent() -> None:
    assert forwarded({"triton_enable_empty_final_response": True})


@pytest.mark.parametrize(
    "trace", ["", "x", TRACE.upper(), "ff" + TRACE[2:], TRACE.replace("b7ad6b7169203331", "0" * 16)]
)
def test_a_traceparent_that_is_none_is_ignored(trace: str) -> None:
    assert trace_of(trace) == ""


def test_a_right_traceparent_is_kept() -> None:
    assert trace_of(TRACE) == TRACE
