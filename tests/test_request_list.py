"""Requests that were recorded together are there one by one, each the same record whenever it is looked at."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.records import BundleRecord, RequestRecord
from headrace.request_list import Opened, Part, RequestList, all_but, each_at, errors_of, notable_of, parts_of, within
from tests.observe.make import answered, failed


def bundle(*ids: str) -> BundleRecord:
    return BundleRecord(answered(rows=2), ids, [place for place, _ in enumerate(ids)])


def listed(sizes: list[int]) -> tuple[RequestList, list[str]]:
    """A list of which 0 stands for a request and all else for a bundle of so many, and all ids."""
    parts: list[Part] = []
    names: list[str] = []
    for at, size in enumerate(sizes):
        ids = [f"{at}.{place}" for place in range(max(1, size))]
        names += ids
        parts.append(Opened(bundle(*ids)) if size else msgspec.structs.replace(answered(), id=ids[0]))
    return RequestList(parts), names


@given(st.lists(st.integers(0, 4), max_size=6), st.slices(30))
def test_it_is_what_a_list_of_them_would_be(sizes: list[int], chosen: slice) -> None:
    requests, names = listed(sizes)
    assert len(requests) == len(names)
    assert [each.id for each in requests] == names
    assert [requests[place].id for place in range(-len(names), len(names))] == names * 2
    assert [each.id for each in requests[chosen]] == names[chosen]


@given(st.lists(st.integers(0, 4), max_size=6), st.data())
def test_what_is_asked_of_some_of_them_is_told_without_making_records_of_them(
    sizes: list[int], data: st.DataObject
) -> None:
    requests, names = listed(sizes)
    places = sorted(data.draw(st.sets(st.sampled_from(range(len(names)))))) if names else []
    told = [
        msgspec.structs.replace(common, id=id_, arrived_ns=arrived_ns)
        for common, id_, arrived_ns in each_at(requests, places)
    ]
    assert not any(part.made() for part in requests.parts if isinstance(part, Opened))
    assert told == [requests[place] for place in places]
    assert [common for common, _, _ in each_at(list(requests), places)] == told


def test_the_requests_of_some_parts_are_known_by_their_places() -> None:
    requests, _ = listed([0, 3, 2, 0])
    assert [*requests][within(requests, slice(0, 2))] == requests[0:4]
    assert [*requests][within(requests, slice(2, 4))] == requests[4:7]
    assert within([answered()] * 5, slice(1, 3)) == slice(1, 3)


def test_who_looks_twice_sees_the_same_record() -> None:
    requests, _ = listed([0, 3])
    assert requests[2] is requests[2]
    assert list(requests)[2] is requests[2]


@pytest.mark.parametrize("place", [-5, 4])
def test_there_is_nothing_before_or_behind_it(place: int) -> None:
    requests, _ = listed([0, 3])
    with pytest.raises(IndexError):
        requests[place]


def test_each_of_a_bundle_has_its_own_id_and_arrival_and_all_else_in_common() -> None:
    opened = Opened(bundle("a", "b"))
    assert [(each.id, each.arrived_ns, each.rows) for each in opened] == [("a", 0, 2), ("b", 1, 2)]
    assert [each.id for each in reversed(opened)] == ["b", "a"]
    assert (opened.model, opened.version, opened.protocol, opened.error) == ("m", 1, opened[0].protocol, "")


def test_the_codes_of_those_that_failed_are_told() -> None:
    lost = msgspec.structs.replace(bundle("a", "b"), first=failed("worker_lost"))
    requests: list[RequestRecord] = [failed("queue_full"), answered()]
    assert errors_of(requests) == ["queue_full"]
    assert errors_of(RequestList([*requests, Opened(lost)])) == ["queue_full", "worker_lost", "worker_lost"]


def test_plain_lists_are_their_own_parts() -> None:
    requests = [answered()]
    assert parts_of(requests) is requests


@pytest.mark.parametrize("seed", range(20))
def test_those_that_failed_or_were_slow_are_found_without_looking_at_the_others(seed: int) -> None:
    draw = random.Random(seed)
    parts: list[Part] = []
    for number in range(draw.randrange(20)):
        one = failed("internal") if draw.randrange(4) == 0 else answered()
        ids = [f"{number}-{place}" for place in range(draw.randrange(1, 5))]
        parts.append(Opened(BundleRecord(one, ids, [0] * len(ids))) if draw.randrange(2) else one)
    requests = RequestList(parts)
    slow = {id(requests[place]) for place in range(len(requests)) if draw.randrange(4) == 0}
    looked_at = [len(part.made()) for part in parts if isinstance(part, Opened) and not part.error]
    found = notable_of(requests, slow)
    assert [len(part.made()) for part in parts if isinstance(part, Opened) and not part.error] == looked_at
    expected = [(place, each) for place, each in enumerate(requests) if each.error or id(each) in slow]
    assert [(place, id(each)) for place, each in found] == [(place, id(each)) for place, each in expected]
    others = [place for place in range(len(requests)) if place not in dict(expected)]
    assert all_but([place for place, _ in found], len(requests)) == others
