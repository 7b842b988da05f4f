"""A profile of a model's operators: its file loaded a second time, in a process that ends with the answer."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, NamedTuple

from headrace.errors import Conflict, Internal, Unavailable, WorkerLost, error_of
from headrace.operators_child import Failed, decode_answer, encode_asked
from headrace.profiling.recent import Recent
from headrace.runtimes.operators import Asked, Given, check_counts, with_shares
from headrace.types import Manifest, ModelVersion, Signature, Tensor
from headrace.workers.birth import environment

LIMIT_S = 300.0
"""For loading, running and counting together; what takes longer is ended."""

SHOWN = 400  # bytes of what a child that died said last

Room = Callable[[ModelVersion], AbstractContextManager[None]]
"""Memory for a version a second time, as long as the `with` lasts. Raises MemoryFull."""


class Wanted(NamedTuple):
    """A version that answers, and how often it is to be run."""

    version: ModelVersion
    manifest: Manifest
    signature: Signature
    runs: int


class Operators:
    """One for each server: two at once would be of each other."""

    def __init__(
        self, room: Room, threads: Callable[[Manifest], int], recent: Recent, limit_s: float = LIMIT_S
    ) -> None:
        self._room = room
        self._threads = threads
        self._recent = recent
        self._limit_s = limit_s
        self._busy = False

    async def profile(self, wanted: Wanted) -> dict[str, Any]:
        """What each operator took, as it goes over the wire.

        Raises Conflict while another is made, Unsupported where the runtime does not tell, MemoryFull, WorkerLost, or
        what loading and running raise.
        """
        version, manifest, signature, runs = wanted
        check_counts(manifest.runtime)
        if self._busy:
            raise Conflict("operators are being looked into already; wait until that is done")
        self._busy = True
        try:
            with self._room(version):
                threads, samples = self._threads(manifest), tuple(map(_given, self._recent.of(version)))
                answer = await self._answer(encode_asked(Asked(manifest, threads, signature, runs, samples)), threads)
        finally:
            self._busy = False
        try:
            found = decode_answer(answer)
        except ValueError as error:
            raise Internal("what was found out about operators cannot be read") from error
        if isinstance(found, Failed):
            raise error_of(found.code, found.message)
        return {
            "model": version.name,
            "version": str(version.version),
            "runtime": signature.runtime,
            "threads": threads,
            "inputs": "recent" if samples else "made-up",
            "runs": runs,
            "run_us": round(found.told.run_us, 1),
            "operators": with_shares(found.told, runs),
        }

    async def _answer(self, question: bytes, threads: int) -> bytes:
        """What a child says, which is ended where nobody waits for it any more."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "headrace.operators_child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **environment(threads)},
        )
        try:
            answer, said = await asyncio.wait_for(child.communicate(question), self._limit_s)
        except TimeoutError:
            raise Unavailable(f"operators were not looked into within {self._limit_s:g} s") from None
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if child.returncode:
            last = said.decode("utf-8", "replace")[-SHOWN:].strip()
            raise WorkerLost(f"the process that looked into operators ended with status {child.returncode}: {last}")
        return answer


def _given(inputs: Sequence[Tensor]) -> tuple[Given, ...]:
    return tuple(Given(each.name, each.datatype, each.shape, bytes(each.data)) for each in inputs)
