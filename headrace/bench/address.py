"""Where the server is, as a user writes it."""

from typing import Literal
from urllib.parse import urlsplit

import msgspec

Protocol = Literal["http", "grpc", "chat"]

FORMS: dict[str, tuple[str, ...]] = {
    "http": ("http", "https"),
    "grpc": ("grpc", "grpcs"),
    "chat": ("http", "https"),
}


class Address(msgspec.Struct, frozen=True):
    """A host and a port, and what stands before every path."""

    host: str
    port: int
    tls: bool = False
    prefix: str = ""

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(url: str, protocol: Protocol) -> Address:
    """`http://HOST:PORT`, `grpc://HOST:PORT` or `HOST:PORT`. Raises ValueError that says what would be right."""
    plain, secure = FORMS[protocol]
    right = f"write it like {plain}://127.0.0.1:{8001 if protocol == 'grpc' else 8000}"
    parts = urlsplit(url if "//" in url else f"{plain}://{url}")
    if parts.scheme not in (plain, secure):
        raise ValueError(f"{url}: --protocol {protocol} asks at {plain}:// or {secure}://; {right}")
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{url}: {error}; {right}") from error
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(f"{url} is not an address; {right}")
    if protocol == "grpc" and (port is None or parts.path.strip("/")):
        raise ValueError(f"{url}: an address of gRPC is a host and a port; {right}")
    tls = parts.scheme == secure
    return Address(parts.hostname, port or (443 if tls else 80), tls, parts.path.rstrip("/"))
