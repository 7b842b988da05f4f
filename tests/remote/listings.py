"""Listings as hypothesis draws them, and what a folder of them has to look like."""

from hypothesis import strategies as st

from headrace.remote.faults import RemoteFault
from headrace.remote.listing import Listing, RemoteFile, listing_of

PATHS = [
    "a.onnx", "a", "m", "config.json", "w.safetensors", "m/model.toml", "m/model.onnx", "m/1", "m/1/model.onnx",
    "m/1/w/data", "m/2/model.onnx", "m/v3/model.onnx", "m/warmup/x", "n/model.xml", "n/model.bin", "a/1/model.onnx",
]  # fmt: skip


def content(file: RemoteFile) -> bytes:
    """What a file of a listing holds: as long as its size, and told by its ETag."""
    return file.etag.encode().ljust(file.size, b".")


def _listing(versions: dict[str, int]) -> Listing | None:
    try:
        return listing_of(RemoteFile(path, 2 + len(path) % 3, str(version)) for path, version in versions.items())
    except RemoteFault:  # a file and a folder of one name
        return None


LISTINGS = st.dictionaries(st.sampled_from(PATHS), st.integers(1, 2), max_size=8).map(_listing).filter(bool)
