"""The model that a URL's infer route means. Knows no registry."""

import re
from urllib.parse import unquote_to_bytes

from headrace.errors import VersionNotFound
from headrace.protocols.oip.model_version import read_model
from headrace.types import ModelRef

_INFER = re.compile(rb"^(?:(?i:https?)://[^/]*)?/v2/models/([^/?#]+)(?:/versions/([^/?#]+))?/infer(?:\?.*)?$")


class Targets:
    """The model that a URL's infer route means, or None where it is no infer route; remembers URLs that repeat."""

    def __init__(self, most: int = 4096) -> None:
        self._known: dict[bytes, ModelRef | None] = {}
        self._most = most

    def get(self, url: bytes) -> ModelRef | None:
        try:
            return self._known[url]
        except KeyError:
            target = _target(url)
        if len(url) <= 256:
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[url] = target
        return target


def _target(url: bytes) -> ModelRef | None:
    found = _INFER.match(url)
    if found is None:
        return None
    name, version = (unquote_to_bytes(part or b"").decode("utf-8", "replace") for part in found.groups())
    try:
        return read_model(name, version)
    except VersionNotFound:
        return None  # an ordinary route says so
