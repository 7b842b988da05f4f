"""Where a repository lies, as it is written on the command line. Pure."""

import hashlib
import re
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from headrace.errors import SettingInvalid

EXAMPLES = "s3://BUCKET/PATH, gs://BUCKET/PATH, az://CONTAINER/PATH or https://HOST/PATH"
_KINDS: dict[str, Literal["s3", "gs", "az", "http"]] = {
    "s3": "s3",
    "gs": "gs",
    "az": "az",
    "https": "http",
    "http": "http",
}


class Address(msgspec.Struct, frozen=True):
    """A repository elsewhere. `kind`: http for a web server with an index.json."""

    url: str
    kind: Literal["s3", "gs", "az", "http"]
    name: str  # of the mirror's folder: what a repository that is itself one model is called

    @property
    def digest(self) -> str:
        """The same for the same address, and fit for a file's name."""
        return hashlib.blake2b(self.url.encode(), digest_size=8).hexdigest()


def is_address(text: str) -> bool:
    """Whether this is meant as an address, rather than as a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def parse_address(text: str) -> Address:
    """Raises SettingInvalid, which says what would be right."""
    try:
        parts = urlsplit(text)
        host = parts.netloc
        _ = parts.port  # raises for one that is no number
    except ValueError as error:
        raise SettingInvalid(f"{text!r} is no address ({error}); write {EXAMPLES}", "repository") from None
    if parts.scheme not in _KINDS:
        raise SettingInvalid(f"{parts.scheme}:// is not offered; write {EXAMPLES}, or a path", "repository")
    if "@" in host or parts.query or parts.fragment:  # not shown: it may be a secret
        raise SettingInvalid(
            "an address has no user, password, query or fragment; credentials are taken from the environment",
            "repository",
        )
    if not host:
        what = "host" if _KINDS[parts.scheme] == "http" else "bucket or container"
        raise SettingInvalid(f"{text!r} names no {what}; write {EXAMPLES}", "repository")
    names = [name for name in parts.path.split("/") if name]
    if any(name in {".", ".."} or not name.isprintable() for name in names):
        raise SettingInvalid(f"the path of {text!r} may have no . or .. in it; write {EXAMPLES}", "repository")
    url = "/".join([f"{parts.scheme}://{host}", *names])
    last = re.sub(r"[^\w.-]", "_", names[-1] if names else host).lstrip(".")
    return Address(url, _KINDS[parts.scheme], last[:100] or "models")
