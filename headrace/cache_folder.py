"""Where what one start has made is kept for the next."""

from collections.abc import Mapping
from pathlib import Path


def cache_folder(environment: Mapping[str, str]) -> Path | None:
    """The folder of graphs, tokenizers and what runs take; None where there is no home for it."""
    kept = environment.get("XDG_CACHE_HOME", "")
    if Path(kept).is_absolute():
        return Path(kept) / "headrace"
    home = environment.get("HOME", "")
    return Path(home) / ".cache" / "headrace" if Path(home).is_absolute() else None
