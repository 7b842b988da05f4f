"""How connections come about and answers are waited for, and in a few words why none came."""

import asyncio
import os
import ssl
from collections.abc import Callable
from typing import TypeVar

from headrace.bench.address import Address

T = TypeVar("T")


async def connect(
    make: Callable[[], asyncio.BaseProtocol], address: Address, tls: ssl.SSLContext | None, limit_s: float
) -> None:
    """Open a connection, which `make` has the protocol of. Raises OSError."""
    opening = asyncio.get_running_loop().create_connection(make, address.host, address.port, ssl=tls)
    await asyncio.wait_for(opening, limit_s)


async def told_within(limit_s: float, told: asyncio.Future[T], cancel: Callable[[], object]) -> T:
    """What comes of a question, which is taken back at the end. Raises ConnectionError where nothing came in time."""
    try:
        return await asyncio.wait_for(told, limit_s)
    except TimeoutError as error:
        raise ConnectionError(f"no answer in {limit_s:g} s") from error
    finally:
        cancel()


def reason(error: OSError) -> str:
    """What the operating system said, or the library of TLS."""
    if isinstance(error, ssl.SSLError):  # whose numbers are its own
        said = getattr(error, "verify_message", "") or error.reason or str(error)
        return f"TLS fails: {said.lower().replace('_', ' ')}"
    if error.errno and error.errno > 0:  # its own words: libraries have words of theirs
        return os.strerror(error.errno).lower()
    if isinstance(error, TimeoutError):
        return "no connection in time"
    return (str(error) or type(error).__name__).rpartition("] ")[2].lower()
