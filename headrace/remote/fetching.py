"""One file from elsewhere to disk: what is there already is gone on with, and what came is checked."""

import asyncio
import hashlib
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from headrace.remote.faults import Changed, NoRange, RemoteFault
from headrace.remote.listing import RemoteFile
from headrace.remote.store import Store

log = logging.getLogger(__name__)

GIT = "git:"
"""What an ETag begins with that is the digest by which git knows a file."""

Told = Callable[[int], None]
"""Told of bytes that came."""


async def fetch(store: Store, file: RemoteFile, parts: Path, told: Told) -> None:
    """Have the file among the parts by its key, whole and as its repository says it is.

    Raises RemoteFault, OSError; what came until then stays for the next time, unless it is wrong.
    """
    whole = parts / file.key
    if whole.exists():
        told(file.size)
        return
    part = parts / f"{file.key}.part"
    await _bring(store, file, part, told)
    if not await _is_right(file, part):
        first = await asyncio.to_thread(_digest, part, "md5")
        part.unlink()
        if file.sha256 or file.etag.startswith(GIT):
            known = "SHA-256" if file.sha256 else "git digest"
            raise RemoteFault(f"{file.path} is not the file that its {known} means; put it, or its sum, right there")
        await _bring(store, file, part, lambda _: None)
        if await asyncio.to_thread(_digest, part, "md5") != first and not await _is_right(file, part):
            part.unlink()
            raise RemoteFault(f"{file.path} came twice, and not the same; it is asked for again")
        log.info("the ETag of %s is not its MD5, as where a store encrypts; it came twice and was the same", file.path)
    part.rename(whole)


async def _bring(store: Store, file: RemoteFile, part: Path, told: Told) -> None:
    """All bytes of the file, after those that are there."""
    with part.open("ab") as out:
        start = out.tell()
        if start > file.size:
            start = out.truncate(0)
        told(start)
        if start < file.size or not file.size:
            try:
                await _append(store, file, start, out, told)
            except NoRange:
                out.truncate(0)
                told(-start)
                await _append(store, file, 0, out, told)
            except Changed:
                out.truncate(0)
                raise
        await asyncio.to_thread(_settle, out)


async def _append(store: Store, file: RemoteFile, start: int, out: BinaryIO, told: Told) -> None:
    """What comes from `start` on. Raises RemoteFault where it is less than was said, Changed where it is more."""
    there = start
    async for chunk in store.read(file, start):
        there += len(chunk)
        if there > file.size:
            raise Changed(f"{file.path} has more than the {file.size} bytes that it was listed with")
        await asyncio.to_thread(out.write, chunk)
        told(len(chunk))
    if there < file.size:
        raise RemoteFault(f"{file.path} ended after {there} of {file.size} bytes; it is gone on with")


def _settle(out: BinaryIO) -> None:
    out.flush()
    os.fsync(out.fileno())


async def _is_right(file: RemoteFile, part: Path) -> bool:
    """By its SHA-256 or git's digest where that is known; else by its ETag where that may be an MD5."""
    if file.etag.startswith(GIT):
        return await asyncio.to_thread(_digest, part, "sha1", b"blob %d\0" % file.size) == file.etag.removeprefix(GIT)
    md5 = re.fullmatch(r'"?([0-9a-f]{32})"?', file.etag)
    if file.sha256:
        return await asyncio.to_thread(_digest, part, "sha256") == file.sha256
    return md5 is None or await asyncio.to_thread(_digest, part, "md5") == md5[1]


def _digest(path: Path, kind: str, before: bytes = b"") -> str:
    """Of the file's content, with something `before` it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, before, usedforsecurity=False)).hexdigest()
