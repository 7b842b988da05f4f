"""Blocks found by their content."""

from array import array

from headrace.llm.prefix_cache import PrefixCache, extend_hashes


def hashes(*token_ids: int, salt: str = "", block_size: int = 2) -> list[bytes]:
    found: list[bytes] = []
    extend_hashes(found, array("q", token_ids), block_size, salt)
    return found


def test_only_full_blocks_have_a_hash() -> None:
    assert [len(hashes(*range(count))) for count in range(6)] == [0, 0, 1, 1, 2, 2]


def test_a_hash_covers_everything_before_its_block() -> None:
    assert hashes(1, 2, 3, 4)[0] == hashes(1, 2, 9, 4)[0]
    assert hashes(1, 2, 3, 4)[1] != hashes(9, 2, 3, 4)[1]
    assert hashes(1, 2, 1, 2)[0] != hashes(1, 2, 1, 2)[1]


def test_another_salt_gives_other_hashes() -> None:
    assert not set(hashes(1, 2, 3, 4, salt="a")) & set(hashes(1, 2, 3, 4, salt="b"))


def test_hashes_grow_with_the_tokens() -> None:
    grown: list[bytes] = []
    for count in range(10):
        extend_hashes(grown, array("q", range(count)), 2, "s")
    assert grown == hashes(*range(9), salt="s")


def test_the_longest_known_beginning_is_found_up_to_a_limit() -> None:
    cache = PrefixCache()
    known = hashes(1, 2, 3, 4, 5, 6)
    for block, digest in enumerate(known[:2], start=7):
        cache.enter(digest, block)
    assert cache.find(known, 3) == [7, 8]
    assert cache.find(known, 1) == [7]
    assert cache.find(hashes(1, 2, 9, 9), 2) == [7]
    assert cache.find(hashes(9, 9, 3, 4), 2) == []


def test_what_is_forgotten_is_not_found() -> None:
    cache = PrefixCache()
    known = hashes(1, 2, 3, 4)
    cache.enter(known[0], 5)
    cache.enter(known[1], 6)
    cache.forget(5)
    assert cache.find(known, 2) == []
    assert 5 not in cache
    assert 6 in cache


def test_the_first_block_of_a_content_stays() -> None:
    cache = PrefixCache()
    [digest] = hashes(1, 2)
    cache.enter(digest, 5)
    cache.enter(digest, 6)
    assert cache.find([digest], 1) == [5]
    assert 6 not in cache
    assert len(cache) == 1
