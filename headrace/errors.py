"""Everything that can go wrong for a caller, as one tree with stable codes.

HeadraceError
├── InvalidRequest            the request is not what the protocol or the model asks for
│   ├── BodyTooLarge          the body is over the limit
│   ├── BodyTooSlow           the body takes too long to come
│   ├── HeadersTooLarge       the header block is over the limit
│   ├── MethodNotAllowed      the route exists, not with this method
│   ├── InputRefused          the model itself could not run on these inputs
│   └── ContextLengthExceeded the prompt has more tokens than the model, or the request, has room for
├── NotFound                  no such route, region or setting
│   ├── ModelNotFound
│   └── VersionNotFound
├── Forbidden                 asked for something that a setting keeps closed
├── Conflict                  what is asked for is being done already
├── NotKept                   done, and not to be found by the next start
├── Unsupported               understood, and not offered here
├── Unavailable               right, but not now
│   ├── ModelUnavailable      loading, unloading or failed; the reason is said
│   ├── QueueFull             more is waiting than may wait; try again later
│   ├── WouldBeLate           predicted on arrival to miss its deadline
│   ├── RateLimited           the tenant's allowance is used up
│   ├── MemoryFull            there is no room in memory for it
│   ├── WorkerLost            the process that ran it died, twice
│   └── Draining              the server takes no new requests
├── DeadlineExceeded          the time that the caller gave has passed
├── Cancelled                 the caller went away
├── ModelInvalid              a model in the repository cannot be read or loaded
├── SettingInvalid            a setting is unknown or has a value that it cannot have
└── Internal                  a fault of the server's own

None of them knows HTTP or gRPC: `protocols/status.py` translates.
"""

from typing import ClassVar

SOON_S = 1.0
"""After which to ask again for what is on its way, where nobody knows better."""


class HeadraceError(Exception):
    """What went wrong, in words for the caller; `code` is stable and made for programs.

    `where` is the path of the field at fault (`inputs[0].shape`), or empty.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class InvalidRequest(HeadraceError):
    code = "invalid_request"


class BodyTooLarge(InvalidRequest):
    code = "body_too_large"


class BodyTooSlow(InvalidRequest):
    code = "body_too_slow"


class HeadersTooLarge(InvalidRequest):
    code = "headers_too_large"


class MethodNotAllowed(InvalidRequest):
    code = "method_not_allowed"


class InputRefused(InvalidRequest):
    code = "input_refused"


class ContextLengthExceeded(InvalidRequest):
    """By OpenAI's code for it, which agents know: they cut the conversation, or ask a model with a longer context."""

    code = "context_length_exceeded"


class NotFound(HeadraceError):
    code = "not_found"


class ModelNotFound(NotFound):
    code = "model_not_found"


class VersionNotFound(NotFound):
    code = "version_not_found"


class Forbidden(HeadraceError):
    code = "forbidden"


class Conflict(HeadraceError):
    code = "conflict"


class NotKept(HeadraceError):
    code = "not_kept"


class Unsupported(HeadraceError):
    code = "unsupported"


class Unavailable(HeadraceError):
    """`retry_after_s` is when asking again may help, or None where nobody can say."""

    code = "unavailable"

    def __init__(self, message: str, where: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, where)
        self.retry_after_s = retry_after_s


class ModelUnavailable(Unavailable):
    code = "model_unavailable"


class QueueFull(Unavailable):
    code = "queue_full"


class WouldBeLate(Unavailable):
    """`predicted_ms` is when the answer would come, `deadline_ms` when it must, both from arrival.

    Without `retry_after_s` it would be late even alone: asking the same again is of no use.
    """

    code = "would_be_late"

    def __init__(
        self,
        message: str,
        where: str = "",
        retry_after_s: float | None = None,
        predicted_ms: float | None = None,
        deadline_ms: float | None = None,
    ) -> None:
        super().__init__(message, where, retry_after_s)
        self.predicted_ms = predicted_ms
        self.deadline_ms = deadline_ms


class RateLimited(Unavailable):
    code = "rate_limited"


class MemoryFull(Unavailable):
    code = "memory_full"


class WorkerLost(Unavailable):
    code = "worker_lost"


class Draining(Unavailable):
    code = "draining"


class DeadlineExceeded(HeadraceError):
    """Admitted, and shed since. `predicted_ms` and `deadline_ms` as of WouldBeLate; None where nobody can say."""

    code = "deadline_exceeded"

    def __init__(
        self, message: str, where: str = "", predicted_ms: float | None = None, deadline_ms: float | None = None
    ) -> None:
        super().__init__(message, where)
        self.predicted_ms = predicted_ms
        self.deadline_ms = deadline_ms


class Cancelled(HeadraceError):
    code = "cancelled"


class ModelInvalid(HeadraceError):
    code = "model_invalid"


class SettingInvalid(HeadraceError):
    code = "setting_invalid"


class Internal(HeadraceError):
    code = "internal"


def forget_frames(error: BaseException) -> None:
    """Let go of the frames that it came through, and what it was raised from did: where one of them knows the error,
    all that they hold, such as a request, would wait for the garbage collector."""
    known: set[int] = set()  # an error that is raised once more may be its own cause's context
    open_: list[BaseException | None] = [error]
    while open_:
        each = open_.pop()
        if each is not None and id(each) not in known:
            known.add(id(each))
            each.__traceback__ = None
            open_ += each.__cause__, each.__context__


def error_of(code: str, message: str, where: str = "") -> HeadraceError:
    """The error of which another process told by its code; Internal where the code is none."""
    kinds: list[type[HeadraceError]] = [HeadraceError]
    for kind in kinds:  # grows as it is walked
        if kind.code == code and kind is not HeadraceError:
            return kind(message, where)
        kinds += kind.__subclasses__()
    return Internal(message, where)
