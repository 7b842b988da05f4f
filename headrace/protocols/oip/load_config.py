"""The model configuration that a load brings along: JSON in a text, the same over HTTP and gRPC."""

from typing import Any

import msgspec

from headrace.errors import InvalidRequest
from headrace.protocols.json_body import decode

_ANY = msgspec.json.Decoder(Any)


def read_config(text: str, where: str) -> dict[str, Any]:
    """The configuration. Raises InvalidRequest where the text is not JSON, with the byte, or not that of an object."""
    config = decode(_ANY, text.encode(), where)
    if isinstance(config, dict):
        return config
    twice = "; it was encoded twice" if isinstance(config, str) else ""
    raise InvalidRequest(f"its text is JSON, but not of an object, as a model's configuration is{twice}", where)
