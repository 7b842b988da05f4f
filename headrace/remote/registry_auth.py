"""Who asks a registry of artefacts: what it demands where it refuses, and what the environment has for it.

As the distribution specification says: a registry answers 401 and names where tokens are had; a token is good for one
repository, for a while.
"""

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import msgspec

from headrace.remote.faults import RemoteFault

MAX_BYTES = 1 << 20  # of a file of credentials

_CHALLENGE = re.compile(r"\s*(\w+)\s*(.*)", re.DOTALL)
_FIELD = re.compile(r'([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


class Demand(msgspec.Struct, frozen=True):
    """What a registry wants: `bearer` a token from `realm`, else a name and a password."""

    bearer: bool
    realm: str = ""
    service: str = ""
    scope: str = ""

    def token_url(self, repository: str) -> str:
        """Where to ask for a token that may pull from a repository. Raises RemoteFault where that is nowhere."""
        if urlsplit(self.realm).scheme not in ("http", "https"):
            raise RemoteFault(f"the registry names no place for tokens ({self.realm!r})")
        asked = [("service", self.service)] if self.service else []
        asked += [("scope", each) for each in (self.scope or f"repository:{repository}:pull").split(" ")]
        return f"{self.realm}{'&' if '?' in self.realm else '?'}{urlencode(asked)}"


def demand_of(header: str) -> Demand:
    """What `WWW-Authenticate` says. Raises RemoteFault for a way that is not spoken here."""
    found = _CHALLENGE.fullmatch(header)
    scheme, rest = (found[1].lower(), found[2]) if found else ("", "")
    if scheme not in ("bearer", "basic"):
        raise RemoteFault(f"the registry wants credentials in a way that is not spoken here ({header[:80]!r})")
    fields = {name.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare for name, quoted, bare in _FIELD.findall(rest)}
    return Demand(scheme == "bearer", *(fields.get(name, "") for name in ("realm", "service", "scope")))


def token_of(content: bytes) -> str:
    """The token that a server of tokens answered with. Raises RemoteFault where there is none."""
    try:
        told = json.loads(content)
        token = told.get("token") or told.get("access_token")
    except (ValueError, AttributeError):
        token = None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise RemoteFault("the registry's server of tokens answered without one")
    return token


def basic_for(registry: str, environment: Mapping[str, str]) -> str:
    """The header `Authorization` for a registry, as the environment has it; empty where it has none.

    It is in `DOCKER_AUTH_CONFIG` itself, in the file that `REGISTRY_AUTH_FILE` names, or in `config.json` in the folder
    that `DOCKER_CONFIG` names. Raises RemoteFault where what is there cannot be read.
    """
    for where, text in _texts(environment):
        try:
            auths = json.loads(text).get("auths") or {}
            found = next((auths[name] for name in (registry, f"https://{registry}") if name in auths), None)
            if found is None:
                continue
            if found.get("auth"):
                base64.b64decode(found["auth"], validate=True)
                return f"Basic {found['auth']}"
            if found.get("username"):
                pair = f"{found['username']}:{found.get('password', '')}"
                return f"Basic {base64.b64encode(pair.encode()).decode()}"
        except (ValueError, AttributeError, TypeError):
            raise RemoteFault(f'{where} cannot be read; it should be as {{"auths": {{"{registry}": ...}}}}') from None
    return ""


def _texts(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """The credentials that the environment names, with the variable's name. Raises RemoteFault."""
    texts = [("DOCKER_AUTH_CONFIG", environment["DOCKER_AUTH_CONFIG"])] if environment.get("DOCKER_AUTH_CONFIG") else []
    for variable, below in (("REGISTRY_AUTH_FILE", ""), ("DOCKER_CONFIG", "config.json")):
        if named := environment.get(variable):
            path = Path(named) / below
            try:
                with path.open("rb") as file:
                    texts.append((variable, file.read(MAX_BYTES).decode()))
            except (OSError, UnicodeDecodeError) as error:
                raise RemoteFault(f"{path}, which {variable} names, cannot be read: {error}") from None
    return texts
