"""Answers are kept within their bytes and their time, the least used leaving first."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headrace.caching.response_cache import ResponseCache, size_of
from headrace.types import BatchFacts, ModelVersion, Response, Tensor

VERSION = ModelVersion("m", 1)


def answer(text: bytes) -> Response:
    return Response(VERSION, (Tensor("y", "BYTES", (1,), text),), BatchFacts(1, 1, "idle", 0, 0, variant="int8"))


ONE = size_of(answer(b"1234"))


def kept(cache: ResponseCache, key: bytes, now_ns: int = 0) -> bytes | None:
    found = cache.get(key, now_ns)
    return bytes(found.outputs[0].data) if found else None


def test_an_answer_is_kept_with_bytes_of_its_own_and_without_its_run() -> None:
    cache, memory = ResponseCache(ONE), bytearray(b"1234")
    cache.put(b"a", answer(memory), 0)  # type: ignore[arg-type]
    memory[:] = b"xxxx"
    found = cache.get(b"a", 1)
    assert found
    assert found.outputs[0].data == b"1234"
    assert found.batch is None
    assert found.cache
    assert (found.cache.hit, found.cache.variant) == (True, "int8")


def test_the_one_not_asked_for_the_longest_makes_room() -> None:
    cache = ResponseCache(2 * ONE)
    cache.put(b"a", answer(b"aaaa"), 0)
    cache.put(b"b", answer(b"bbbb"), 0)
    assert kept(cache, b"a") == b"aaaa"
    cache.put(b"c", answer(b"cccc"), 0)
    assert (kept(cache, b"a"), kept(cache, b"b"), kept(cache, b"c")) == (b"aaaa", None, b"cccc")


def test_an_answer_larger_than_all_may_be_drives_nobody_out() -> None:
    cache = ResponseCache(ONE)
    cache.put(b"a", answer(b"aaaa"), 0)
    cache.put(b"b", answer(b"bbbbb"), 0)
    assert (kept(cache, b"a"), kept(cache, b"b")) == (b"aaaa", None)


def test_an_answer_is_given_until_its_time_is_over_however_often() -> None:
    cache = ResponseCache(ONE, ttl_ns=10)
    cache.put(b"a", answer(b"aaaa"), 5)
    assert (kept(cache, b"a", 14), kept(cache, b"a", 15)) == (b"aaaa", None)
    assert (len(cache), cache.num_bytes) == (0, 0)


def test_nothing_is_left_once_it_is_cleared() -> None:
    cache = ResponseCache(ONE)
    cache.put(b"a", answer(b"aaaa"), 0)
    cache.clear()
    assert (kept(cache, b"a"), cache.num_bytes) == (None, 0)


@given(
    st.lists(st.tuples(st.sampled_from("pg"), st.integers(0, 6), st.integers(0, 400), st.integers(0, 5))),
    st.integers(1, 4 * ONE),
)
def test_bytes_are_never_over_the_limit_and_no_answer_is_anothers(
    steps: list[tuple[str, int, int, int]], max_bytes: int
) -> None:
    cache, now_ns = ResponseCache(max_bytes, ttl_ns=20), 0
    latest: dict[bytes, tuple[bytes, int]] = {}
    for what, number, size, later_ns in steps:
        now_ns += later_ns
        key = bytes([number])
        if what == "p":
            latest[key] = key * size, now_ns
            cache.put(key, answer(key * size), now_ns)
        elif (found := kept(cache, key, now_ns)) is not None:
            text, at_ns = latest[key]
            assert found == text
            assert now_ns - at_ns < 20
        assert 0 <= cache.num_bytes <= max_bytes
        assert cache.num_bytes == sum(
            size_of(msgspec.structs.replace(each.response, batch=None)) for each in cache._kept.values()
        )
