"""Bodies come back whole, and bombs do not."""

import gzip
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import BodyTooLarge, HeadraceError, InvalidRequest
from headrace.protocols.compression import choose, compress, decompress


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "deflate"]))
def test_what_is_compressed_comes_back(body: bytes, encoding: str) -> None:
    assert decompress(compress([body[:9], body[9:]], encoding), encoding, 2000) == body


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "br", "identity"]))
def test_any_bytes_are_decompressed_or_refused_with_a_clear_error(body: bytes, encoding: str) -> None:
    try:
        decompress(body, encoding, 100_000)
    except HeadraceError as error:
        assert "internal" not in error.code


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_refused_before_it_is_unpacked(encoding: str) -> None:
    bomb = compress([bytes(50_000_000)], encoding)
    with pytest.raises(BodyTooLarge, match="limit of 1000 bytes once decompressed"):
        decompress(bomb, encoding, 1000)


def test_a_body_of_exactly_the_limit_passes() -> None:
    assert decompress(gzip.compress(bytes(1000)), "gzip", 1000) == bytes(1000)


def test_gzip_members_after_one_another_are_one_body() -> None:
    assert decompress(gzip.compress(b"one ") + gzip.compress(b"two"), "gzip", 100) == b"one two"


def test_the_limit_counts_all_members_together() -> None:
    with pytest.raises(BodyTooLarge):
        decompress(gzip.compress(bytes(60)) * 2, "gzip", 100)


def test_members_larger_than_a_piece_that_zlib_is_given_are_read_to_their_ends() -> None:
    noise = random.Random(0).randbytes(100_000)
    assert decompress(gzip.compress(noise) * 3, "gzip", 300_000) == noise * 3


def test_a_body_of_countless_members_is_refused_since_each_costs_time() -> None:
    with pytest.raises(InvalidRequest, match="too many small members; send it as one"):
        decompress(gzip.compress(b"") * 1025, "gzip", 100)


def test_many_members_may_be_sent_where_they_are_large() -> None:
    noise = random.Random(0).randbytes(1024)
    assert decompress(gzip.compress(noise) * 1500, "gzip", 1 << 24) == noise * 1500


def test_deflate_without_the_zlib_header_is_understood() -> None:
    bare = zlib.compressobj(wbits=-15)
    assert decompress(bare.compress(b"text") + bare.flush(), "deflate", 100) == b"text"


def test_a_body_that_ends_too_early_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="ends too early"):
        decompress(gzip.compress(b"some text")[:-4], "gzip", 100)


def test_an_unknown_encoding_names_those_that_are_known() -> None:
    with pytest.raises(InvalidRequest, match="send gzip, deflate or identity"):
        decompress(b"", "br", 100)


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("", ""),
        ("identity", ""),
        ("gzip", "gzip"),
        ("gzip, deflate", "gzip"),
        ("deflate;q=0.9, gzip;q=0.2", "deflate"),
        ("gzip;q=0", ""),
        ("gzip;q=0, *", "deflate"),
        ("*", "gzip"),
        ("br", ""),
        ("GZIP ; Q=0.5", "gzip"),
        ("identity;q=1, gzip;q=0.5", ""),
        ("gzip;q=nonsense", ""),
        ("gzip;q=nan", ""),
    ],
)
def test_the_encoding_that_the_client_likes_best_is_chosen(header: str, chosen: str) -> None:
    assert choose(header) == chosen
