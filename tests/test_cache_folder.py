"""Where things are kept for the next start."""

from pathlib import Path

from headrace.cache_folder import cache_folder


def test_things_are_kept_at_home() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/kept", "HOME": "/home/me"}) == Path("/kept/headrace")
    assert cache_folder({"XDG_CACHE_HOME": "kept", "HOME": "/home/me"}) == Path("/home/me/.cache/headrace")
    assert cache_folder({}) is None
