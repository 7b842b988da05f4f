"""Fetching one file: going on after a cut, and checking what came."""

import hashlib
from pathlib import Path

import pytest

from headrace.remote.faults import Changed, RemoteFault
from headrace.remote.fetching import fetch
from headrace.remote.listing import RemoteFile
from tests.remote.fake_store import FakeStore

CONTENT = b"0123456789"


class Fetched:
    """One file of a store, fetched into a folder."""

    def __init__(self, parts: Path) -> None:
        self.parts = parts
        self.store = FakeStore({"f": CONTENT})
        self.told: list[int] = []

    async def again(self, sha256: str = "") -> bytes:
        (listed,) = await self.store.files()
        file = RemoteFile(listed.path, listed.size, listed.etag, sha256)
        await fetch(self.store, file, self.parts, self.told.append)
        return (self.parts / file.key).read_bytes()


@pytest.fixture
def fetched(tmp_path: Path) -> Fetched:
    return Fetched(tmp_path)


async def test_a_file_comes_whole(fetched: Fetched) -> None:
    assert await fetched.again() == CONTENT
    assert sum(fetched.told) == len(CONTENT)


async def test_an_empty_file_comes_too(fetched: Fetched) -> None:
    fetched.store.contents["f"] = b""
    assert await fetched.again() == b""


async def test_what_is_there_already_is_not_asked_for(fetched: Fetched) -> None:
    await fetched.again()
    await fetched.again()
    assert fetched.store.sent == [("f", 0)]


async def test_after_a_cut_only_the_rest_is_asked_for(fetched: Fetched) -> None:
    fetched.store.cut_at = 8
    with pytest.raises(RemoteFault, match="cut off"):
        await fetched.again()
    assert await fetched.again() == CONTENT
    assert fetched.store.sent == [("f", 0), ("f", 8)]


async def test_where_there_are_no_ranges_it_begins_anew(fetched: Fetched) -> None:
    fetched.store.cut_at = 8
    with pytest.raises(RemoteFault):
        await fetched.again()
    fetched.store.ranges = False
    fetched.told.clear()
    assert await fetched.again() == CONTENT
    assert fetched.store.sent == [("f", 0), ("f", 0)]
    assert sum(fetched.told) == len(CONTENT)


async def test_the_rest_of_another_content_is_never_added(fetched: Fetched) -> None:
    fetched.store.cut_at = 4
    with pytest.raises(RemoteFault):
        await fetched.again()
    fetched.store.contents["f"] = b"abcdefghij"
    assert await fetched.again() == b"abcdefghij"


async def test_a_file_that_is_replaced_while_it_comes_is_not_kept(fetched: Fetched) -> None:
    (listed,) = await fetched.store.files()
    fetched.store.contents["f"] = b"abcdefghij"
    with pytest.raises(Changed):
        await fetch(fetched.store, listed, fetched.parts, fetched.told.append)
    assert not [part for part in fetched.parts.iterdir() if part.stat().st_size]


async def test_a_file_that_ends_early_is_a_fault(fetched: Fetched) -> None:
    fetched.store.spoilt = CONTENT[:5]
    with pytest.raises(RemoteFault, match="ended after 5 of 10 bytes"):
        await fetched.again()


async def test_a_file_that_goes_on_too_long_is_a_fault(fetched: Fetched) -> None:
    fetched.store.spoilt = CONTENT + b"!"
    with pytest.raises(Changed, match="more than the 10 bytes"):
        await fetched.again()


async def test_a_sum_that_is_wrong_is_a_fault_and_nothing_is_kept(fetched: Fetched) -> None:
    with pytest.raises(RemoteFault, match="is not the file that its SHA-256 means"):
        await fetched.again("0" * 64)
    assert not list(fetched.parts.iterdir())


async def test_a_sum_that_is_right_goes_before_an_etag(fetched: Fetched) -> None:
    fetched.store.etag = lambda _: '"' + "0" * 32 + '"'
    assert await fetched.again(hashlib.sha256(CONTENT).hexdigest()) == CONTENT
    assert fetched.store.sent == [("f", 0)]


async def test_what_came_wrong_by_its_md5_is_asked_for_again(fetched: Fetched) -> None:
    fetched.store.spoilt = b"x" * 10
    fetched.store.after = lambda: setattr(fetched.store, "spoilt", b"" if len(fetched.store.sent) == 1 else b"x")
    assert await fetched.again() == CONTENT
    assert fetched.store.sent == [("f", 0), ("f", 0)]


async def test_an_etag_that_looks_like_an_md5_and_is_none_does_not_keep_a_file_away(fetched: Fetched) -> None:
    fetched.store.etag = lambda _: '"' + "0" * 32 + '"'
    assert await fetched.again() == CONTENT
    assert fetched.store.sent == [("f", 0), ("f", 0)]


async def test_the_etag_of_an_upload_in_parts_is_no_md5(fetched: Fetched) -> None:
    fetched.store.etag = lambda _: '"' + "0" * 32 + '-2"'
    assert await fetched.again() == CONTENT
    assert fetched.store.sent == [("f", 0)]


async def test_a_file_whose_digest_git_knows_is_held_to_it(fetched: Fetched) -> None:
    right = hashlib.sha1(b"blob 10\0" + CONTENT, usedforsecurity=False).hexdigest()
    fetched.store.etag = lambda content: f"git:{right}"
    assert await fetched.again() == CONTENT
    fetched.store.spoilt = b"9876543210"
    fetched.store.etag = lambda content: f"git:{right.replace(right[0], '0' if right[0] != '0' else '1')}"
    with pytest.raises(RemoteFault, match="is not the file that its git digest means"):
        await fetched.again()
