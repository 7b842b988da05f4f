"""Lines of the change log: what changed, when and by whom; made of records."""

from collections.abc import Mapping
from typing import Any

import msgspec

from headrace.clock import rfc3339
from headrace.records import ModelEvent, TrafficEvent

MEANS: Mapping[str, str] = {
    "release": "release",
    "label": "release",
    "split": "release",
    "shadow": "release",
    "rollout": "release",
    "config": "config",
    "upstream": "upstream",
}
"""Kinds of entries that are a cause by themselves, and which cause. Others tell what happened besides."""

POSTED = ("upstream", "config", "release")
"""Kinds that requests may post."""

MAX_TEXT = 2000
MAX_NAME = 200


class Entry(msgspec.Struct, frozen=True):
    """One change. Its words may be anybody's: whoever shows them makes them harmless."""

    id: int  # 0 until the log has it
    kind: str
    model: str  # "": of the whole server
    version: str
    at: float  # Unix time
    actor: str  # files, a request, the server, clients, or as a notice says
    text: str
    began: float = 0.0  # when it was begun, where that took time

    @property
    def means(self) -> str:
        """The cause that it can be, or ""."""
        return MEANS.get(self.kind, "")

    def shown(self) -> dict[str, Any]:
        """As it goes over the wire."""
        return {
            "id": self.id,
            "kind": self.kind,
            "model": self.model,
            "version": self.version,
            "at": rfc3339(self.at),
            "actor": self.actor,
            "text": self.text,
        }


def of_traffic(record: TrafficEvent) -> Entry:
    version = "" if record.version is None else str(record.version)
    text = f"{record.what} {record.state}: {record.reason}" if record.reason else f"{record.what} {record.state}"
    actor = "the server" if record.state in ("resumed", "step", "done", "rolled back") else "a request"
    return Entry(0, record.what, record.model, version, record.when_s, actor, text[:MAX_TEXT])


def of_model(record: ModelEvent, before: int | None) -> Entry | None:
    """`before` is the version that answered until then the requests that this one does now, itself where it did; None
    where there was none, or where it answers only who names it. None: nothing to be told."""
    version = "" if record.version is None else str(record.version)
    again = record.version == before
    loaded = record.state == "READY" and not record.goes_on and record.seconds > 0
    began = record.when_s - record.seconds
    if loaded:
        fresh = before is None or record.cause == _AT_START
        kind = "load" if fresh or (again and record.cause not in _ANEW) else "release"
        was = "" if fresh or again else f"; before it was version {before}"
        text = f"version {version} became ready{was}"
    elif record.state == "UNAVAILABLE" and record.reason == "unloaded":
        kind, text = "unload", f"version {version} was unloaded"
    elif record.state == "READY" and record.goes_on:
        if record.cause != _FILES_GONE:
            return None
        kind, text = "files", f"version {version} serves on"
    elif record.reason and record.state in ("UNAVAILABLE", "READY") and not _sleeps(record):
        kind, text = "failed", f"version {version} failed: {record.reason}"
    else:
        return None
    told_cause = f" ({record.cause})" if record.cause else ""
    return Entry(0, kind, record.model, version, record.when_s, _actor(record), (text + told_cause)[:MAX_TEXT], began)


_FILES_GONE = "its files are gone"

_AT_START = "wanted at the start"
"""Several versions may be; which one answers by default is another matter."""

_ANEW = ("its files changed", "asked for")
"""Why a version that is there is loaded again with something else in it; otherwise it comes back as it was."""


def _sleeps(record: ModelEvent) -> bool:
    """It is out of memory until somebody asks for it: nothing has changed by that."""
    return record.reason.startswith("unloaded: ")


def _actor(record: ModelEvent) -> str:
    if record.cause.startswith(("its files changed", _FILES_GONE)):
        return "files"
    by_request = any(word in record.cause for word in ("request", "label", "asked for", "rolled back"))
    return "a request" if by_request else "the server"
