"""Deadlines, priorities and tenants in headers: what is read, and what is refused with which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import InvalidRequest
from headrace.protocols.limits import UNSAID, Limits, read_headers, read_metadata
from headrace.types import Context

MS = 1_000_000


def read(name: str, value: bytes | str) -> Limits:
    return read_headers([(b"host", b"here"), (name.encode(), value if isinstance(value, bytes) else value.encode())])


def refusal(name: str, value: bytes | str) -> str:
    with pytest.raises(InvalidRequest) as refused:
        read(name, value)
    assert refused.value.where == name
    return refused.value.message


def test_every_header_is_read() -> None:
    said = {
        b"x-slo-ms": b"50",
        b"x-slo-ttft-ms": b"200.5",
        b"x-slo-tpot-ms": b"0.25",
        b"x-priority": b"1",
        b"x-tenant": b"alice",
        b"x-min-accuracy": b"0.95",
        b"x-variant": b"int8",
    }
    assert read_headers(said.items()) == Limits(50 * MS, 200_500_000, 250_000, 1, "alice", 0.95, "int8")


def test_metadata_says_the_same() -> None:
    metadata: list[tuple[str, str | bytes]] = [("trace-bin", b"x"), ("x-slo-ms", "50"), ("x-tenant", "alice")]
    assert read_metadata(metadata) == Limits(deadline_ns=50 * MS, tenant="alice")


def test_other_headers_say_nothing() -> None:
    assert read_headers([(b"host", b"here"), (b"x-slo", b"1")]) is UNSAID
    assert read_metadata([("user-agent", "x")]) is UNSAID


@pytest.mark.parametrize("name", ["x-slo-ms", "x-slo-ttft-ms", "x-slo-tpot-ms"])
@pytest.mark.parametrize(
    "value",
    ["0", "0.0", "-5", "nan", "NaN", "inf", "", " ", "soon", "3600000.1", "1e3", "0x10", "+5", "\u0665", b"\xff"],
)
def test_a_duration_that_is_none_is_refused_by_its_name(name: str, value: str | bytes) -> None:
    assert "is not a number of milliseconds above 0 and at most 3600000" in refusal(name, value)


@given(st.decimals(min_value="0.001", max_value=3_600_000, places=3))
def test_a_duration_is_read_to_the_microsecond(value: object) -> None:
    assert read("x-slo-ms", f"{value}").deadline_ns == round(float(f"{value}") * 1e6)


def test_an_hour_is_the_longest() -> None:
    assert read("x-slo-ms", "3600000").deadline_ns == 3_600_000 * MS


def test_spaces_around_a_header_s_value_are_no_part_of_it() -> None:
    limits = read_headers([(b"x-slo-ms", b" 50 \t"), (b"x-tenant", b"team a ")])
    assert (limits.deadline_ns, limits.tenant) == (50_000_000, "team a")


@pytest.mark.parametrize("value", ["-1", "10", "1.0", "high", "", "\u0661"])
def test_a_priority_that_is_none_is_refused(value: str) -> None:
    assert refusal("x-priority", value).endswith("is not 0, the default, or a level from 1, the highest, to 9")


@pytest.mark.parametrize("value", ["", "a\tb", "a\x00", "x" * 129, b"\xff\xfe"])
def test_a_tenant_that_cannot_be_printed_or_is_too_long_is_refused(value: str | bytes) -> None:
    assert refusal("x-tenant", value).endswith("is not a name of 1 to 128 printable characters")


@pytest.mark.parametrize("value", ["x" * 128, "team a/b", "ünï"])
def test_a_tenant_is_any_name_that_can_be_printed(value: str) -> None:
    assert read("x-tenant", value).tenant == value


@pytest.mark.parametrize("value", ["-0.1", "1.01", "nan", "inf", "95%", ""])
def test_an_accuracy_out_of_range_is_refused(value: str) -> None:
    assert refusal("x-min-accuracy", value).endswith("is not a number from 0 to 1")


@pytest.mark.parametrize("value", ["", " ", "in t8", "-int8", "int8\n", "x" * 65, "ünï", b"\xff"])
def test_a_variant_that_nothing_can_be_called_is_refused(value: str | bytes) -> None:
    assert "is no name of a variant: 1 to 64 letters" in refusal("x-variant", value)


def test_the_variant_goes_on_to_the_model() -> None:
    assert read("x-variant", "int8.v2").context(5, "http").variant == "int8.v2"
    assert UNSAID.context(5, "http").variant == ""


@pytest.mark.parametrize("second", [b"50", b"60"])
def test_a_header_that_is_sent_twice_is_refused(second: bytes) -> None:
    with pytest.raises(InvalidRequest, match="x-slo-ms: is sent twice"):
        read_headers([(b"x-slo-ms", b"50"), (b"x-slo-ms", second)])


def test_a_wrong_value_is_shown_shortened() -> None:
    assert len(refusal("x-slo-ms", "z" * 9000)) < 200


@given(st.binary(), st.sampled_from(["x-slo-ms", "x-slo-tpot-ms", "x-priority", "x-tenant", "x-min-accuracy"]))
def test_any_bytes_are_read_or_refused(value: bytes, name: str) -> None:
    try:
        limits = read(name, value)
    except InvalidRequest as error:
        str(error).encode()
    else:
        assert 0 <= limits.min_accuracy <= 1
        assert limits.deadline_ns is None or 0 < limits.deadline_ns <= 3_600_000 * MS


def test_a_context_counts_from_arrival() -> None:
    limits = Limits(50, 20, 10, 3, "alice", 0.5)
    assert limits.context(1_000, "http", "t") == Context(1_000, "http", 1_050, 3, "t", "alice", 0.5, 20, 10)
    assert UNSAID.context(5, "grpc") == Context(5, "grpc")


def test_the_tighter_deadline_holds() -> None:
    assert Limits(deadline_ns=5).within(9).deadline_ns == 5
    assert Limits(deadline_ns=9).within(5).deadline_ns == 5
    assert UNSAID.within(5).deadline_ns == 5
    assert UNSAID.within(None) is UNSAID


def test_a_priority_said_elsewhere_must_not_differ() -> None:
    assert UNSAID.ranked(3, "priority").priority == 3
    assert Limits(priority=3).ranked(3, "priority").priority == 3
    with pytest.raises(InvalidRequest, match="priority: says 2, and the header x-priority 3"):
        Limits(priority=3).ranked(2, "priority")
