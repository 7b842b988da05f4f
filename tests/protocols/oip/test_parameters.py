"""Parameters with a meaning of their own."""

import pytest

from headrace.errors import InvalidRequest
from headrace.protocols.limits import UNSAID, Limits, read_headers
from headrace.protocols.oip.parameters import forwarded, limited, trace_of
from headrace.types import Parameter

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_other_parameters_limit_nothing() -> None:
    assert limited(UNSAID, {"mine": 1}) is UNSAID


def test_timeout_is_in_microseconds_from_arrival() -> None:
    assert limited(UNSAID, {"timeout": 7}).deadline_ns == 7_000


def test_a_timeout_of_zero_is_none() -> None:
    assert limited(UNSAID, {"timeout": 0}).deadline_ns is None


def test_a_timeout_may_be_an_hour_as_a_header_may() -> None:
    assert limited(UNSAID, {"timeout": 3_600_000_000}) == read_headers([(b"x-slo-ms", b"3600000")])


@pytest.mark.parametrize("value", [3_600_000_001, "3600000001"])
def test_a_timeout_of_more_than_an_hour_is_refused_as_a_header_is(value: Parameter) -> None:
    says = r"parameters\.timeout: 3600000001 is not an integer from 0 to 3600000000"
    with pytest.raises(InvalidRequest, match=says):
        limited(UNSAID, {"timeout": value})


def test_the_sooner_of_timeout_and_what_was_said_beside_it_holds() -> None:
    assert limited(Limits(deadline_ns=1_000), {"timeout": 7}).deadline_ns == 1_000
    assert limited(Limits(deadline_ns=9_000), {"timeout": 7}).deadline_ns == 7_000


def test_numbers_sent_as_text_are_understood() -> None:
    assert limited(UNSAID, {"timeout": "7", "priority": "2"}) == Limits(deadline_ns=7_000, priority=2)


def test_a_priority_may_be_said_twice_if_it_is_the_same() -> None:
    assert limited(Limits(priority=2), {"priority": 2}) == Limits(priority=2)


@pytest.mark.parametrize(("header", "parameter"), [(1, 2), (0, 1), (1, 0)])
def test_priorities_that_differ_are_refused_with_both_names(header: int, parameter: int) -> None:
    both = f"parameters.priority: says {parameter}, and the header x-priority {header}"
    with pytest.raises(InvalidRequest, match=both):
        limited(Limits(priority=header), {"priority": parameter})


def test_a_level_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"parameters\.priority: 10 is not an integer from 0 to 9"):
        limited(UNSAID, {"priority": 10})


@pytest.mark.parametrize("name", ["timeout", "priority"])
@pytest.mark.parametrize("value", [-1, 1.5, True, "soon", 2**64, "9" * 5000])
def test_what_is_no_such_number_is_refused_with_its_path(name: str, value: Parameter) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        limited(UNSAID, {name: value})
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


def test_of_a_later_version_what_is_known_is_kept() -> None:
    later = f"cc{TRACE[2:]}"
    assert trace_of(later) == later
    assert trace_of(f"{later}-what-is-new") == later
    assert trace_of(f"{later}.what-is-new") == ""
    assert trace_of(f"{TRACE}-what-is-new") == ""
