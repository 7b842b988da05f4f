"""Where a repository lies, as it is written on the command line. Pure."""

import hashlib
import re
from typing import Literal
from urllib.parse import SplitResult, urlsplit

import msgspec

from headrace.errors import SettingInvalid

EXAMPLES = (
    "s3://BUCKET/PATH, gs://BUCKET/PATH, az://CONTAINER/PATH, https://HOST/PATH, oci://REGISTRY/REPOSITORY:TAG or "
    "hf://ORGANISATION/MODEL@REVISION"
)

Kind = Literal["s3", "gs", "az", "http", "oci", "hf"]

_KINDS: dict[str, Kind] = {
    "s3": "s3",
    "gs": "gs",
    "az": "az",
    "https": "http",
    "http": "http",
    "oci": "oci",
    "hf": "hf",
}
_HOSTS: dict[Kind, str] = {"http": "host", "oci": "registry", "hf": "organisation"}

LATEST, MAIN = "latest", "main"
"""What is meant where an address names no tag, and no revision."""

_REPOSITORY = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HUB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}")


class Address(msgspec.Struct, frozen=True):
    """A repository elsewhere. `kind`: http for a web server with an index.json, oci for a registry, hf for the hub."""

    url: str
    kind: Kind
    name: str  # of the mirror's folder: what a repository that is itself one model is called
    path: str = ""  # of oci: the repository in its registry; of hf: the organisation and the model
    reference: str = ""  # of oci: a tag or a digest; of hf: a revision

    @property
    def digest(self) -> str:
        """The same for the same address, and fit for a file's name."""
        return hashlib.blake2b(self.url.encode(), digest_size=8).hexdigest()

    @property
    def host(self) -> str:
        """The registry, the bucket, ..., with its port."""
        return urlsplit(self.url).netloc


def is_address(text: str) -> bool:
    """Whether this is meant as an address, rather than as a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def parse_address(text: str) -> Address:
    """Raises SettingInvalid, which says what would be right."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises for one that is no number
    except ValueError as error:
        raise SettingInvalid(f"{text!r} is no address ({error}); write {EXAMPLES}", "repository") from None
    if parts.scheme not in _KINDS:
        raise SettingInvalid(f"{parts.scheme}:// is not offered; write {EXAMPLES}, or a path", "repository")
    kind = _KINDS[parts.scheme]
    if "@" in parts.netloc or parts.query or parts.fragment:  # not shown: it may be a secret
        raise SettingInvalid(
            "an address has no user, password, query or fragment; credentials are taken from the environment",
            "repository",
        )
    if not parts.netloc:
        raise SettingInvalid(
            f"{text!r} names no {_HOSTS.get(kind, 'bucket or container')}; write {EXAMPLES}", "repository"
        )
    names = [name for name in parts.path.split("/") if name]
    if any(name in {".", ".."} or not name.isprintable() for name in names):
        raise SettingInvalid(f"the path of {text!r} may have no . or .. in it; write {EXAMPLES}", "repository")
    if kind == "oci":
        return _of_registry(parts, "/".join(names))
    if kind == "hf":
        return _of_hub(parts, "/".join(names))
    last = names[-1] if names else parts.netloc
    return Address("/".join([f"{parts.scheme}://{parts.netloc}", *names]), kind, _folder(last))


def _of_registry(parts: SplitResult, path: str) -> Address:
    """`oci://registry/repository:tag`, or `@sha256:...` in place of the tag."""
    repository, at, digest = path.partition("@")
    tag = ""
    if not at:
        repository, _, tag = path.partition(":")
        tag = tag or LATEST
    reference = digest if at else tag
    if not _REPOSITORY.fullmatch(repository):
        raise _wrong(parts, f"names no repository of a registry ({repository!r})", "oci://REGISTRY/REPOSITORY:TAG")
    if not (_DIGEST if at else _TAG).fullmatch(reference):
        what = "digest" if at else "tag"
        raise _wrong(
            parts, f"has no {what} ({reference!r})", "oci://REGISTRY/REPOSITORY:TAG, or @sha256: and 64 digits"
        )
    url = f"oci://{parts.netloc}/{repository}{'@' if at else ':'}{reference}"
    return Address(url, "oci", _folder(repository.rpartition("/")[2]), repository, reference)


def _of_hub(parts: SplitResult, path: str) -> Address:
    """`hf://organisation/model@revision`."""
    model, at, revision = path.partition("@")
    if not (_HUB_NAME.fullmatch(parts.netloc) and _HUB_NAME.fullmatch(model)):
        raise _wrong(
            parts, "is no model of the hub", "hf://ORGANISATION/MODEL, and @REVISION where it is another than main"
        )
    if at and not _REVISION.fullmatch(revision):
        raise _wrong(parts, f"has no revision ({revision!r})", "a branch, a tag or a commit behind the @")
    reference = revision or MAIN
    return Address(
        f"hf://{parts.netloc}/{model}@{reference}", "hf", _folder(model), f"{parts.netloc}/{model}", reference
    )


def _wrong(parts: SplitResult, what: str, right: str) -> SettingInvalid:
    return SettingInvalid(f"{parts.geturl()!r} {what}; write {right}", "repository")


def _folder(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name).lstrip(".")[:100] or "models"
