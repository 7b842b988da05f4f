"""What callers are told who are not let in, or are given up while they wait. Pure."""

from typing import NamedTuple

from headrace.batching.job import J, Job
from headrace.batching.policy import GivenUp, Refusal
from headrace.batching.queue import Queue
from headrace.errors import DeadlineExceeded, HeadraceError, QueueFull, WouldBeLate
from headrace.types import ModelVersion


class NotTaken(NamedTuple):
    """Why a request may not wait."""

    error: HeadraceError
    shed: str = ""  # the reason that is recorded, where it was kept out so that others are in time
    predicted_ns: float | None = None


def refused(version: ModelVersion, queue: Queue[J], refusal: Refusal) -> HeadraceError:
    """It may not wait: nothing was computed, and it may be asked again unless it would be late even alone."""
    retry_after_s = None if refusal.retry_after_ns is None else max(0.001, refusal.retry_after_ns / 1e9)
    if refusal.reason == "queue":
        return QueueFull(f"{len(queue)} requests wait for {version}, the limit", "", retry_after_s)
    if refusal.reason == "memory":
        return QueueFull(f"requests for {version} hold {queue.num_bytes} bytes, the limit", "", retry_after_s)
    return would_be_late(version, refusal.predicted_ns or 0, refusal.deadline_ns or 0, retry_after_s)


def would_be_late(
    version: ModelVersion, predicted_ns: float, deadline_ns: float, retry_after_s: float | None
) -> HeadraceError:
    """Its answer is predicted to come too late; both are from its arrival."""
    predicted_ms, deadline_ms = predicted_ns / 1e6, deadline_ns / 1e6
    what = f"{version} would answer {predicted_ms:.1f} ms after arrival, and has {deadline_ms:.1f} ms"
    what += ", even alone" if retry_after_s is None else ""
    return WouldBeLate(what, "", retry_after_s, predicted_ms, deadline_ms)


def passed(job: Job) -> HeadraceError:
    """Its time was over when it came."""
    return DeadlineExceeded("the time given had passed on arrival", deadline_ms=_ms(job.due_ns, job))


def dropped(given_up: GivenUp[J], now_ns: int) -> HeadraceError:
    """It waited, and could no longer be in time, or was dropped so that others are."""
    job = given_up.job
    waited_ms, deadline_ms = _ms(now_ns, job), _ms(job.due_ns, job)
    predicted_ms = max(waited_ms, given_up.predicted_ns / 1e6)
    if waited_ms >= deadline_ms:
        so_far = f"waited {waited_ms:.1f} ms, as long as its deadline allows: {deadline_ms:.1f} ms"
        return DeadlineExceeded(so_far, "", predicted_ms, deadline_ms)
    why = "" if given_up.reason == "late" else "; it was dropped so that those behind it are in time"
    return too_late(f"waited {waited_ms:.1f} ms", predicted_ms, deadline_ms, why)


def too_late(so_far: str, predicted_ms: float, deadline_ms: float, why: str = "") -> HeadraceError:
    """What was let in is given up; both are from its arrival."""
    late = f"its answer would come {predicted_ms:.1f} ms after arrival, its deadline is {deadline_ms:.1f} ms"
    return DeadlineExceeded(f"{so_far}; {late}{why}", "", predicted_ms, deadline_ms)


def _ms(when_ns: int, job: Job) -> float:
    """Milliseconds from its arrival."""
    return (when_ns - job.arrived_ns) / 1e6
