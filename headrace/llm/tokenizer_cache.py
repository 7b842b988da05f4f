"""Tokenizers built from a GGUF's fields, kept as tokenizer.json so that the next start need not build them."""

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FORM = 1  # raised whenever the same fields give another tokenizer.json


def cached(folder: Path | None, digest: str, build: Callable[[], Mapping[str, Any]], fresh: bool = False) -> str:
    """The tokenizer.json that `build` gives, as text; from the folder where it lies there for this `digest` already.

    `fresh` builds it anyway, and replaces what lies there. A folder that cannot be read or written costs time and
    nothing else. A file is whole or not there: it is written beside and moved.
    """
    path = folder / f"tokenizer-{FORM}-{digest}.json" if folder is not None and digest else None
    if path is not None and not fresh:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return path.read_text(encoding="utf-8")
    text = json.dumps(build(), separators=(",", ":"))
    if path is not None:
        with contextlib.suppress(OSError):
            _write(path, text)
    return text


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
