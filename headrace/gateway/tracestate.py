"""What a request's `tracestate` says: the words of other programs on its trace, which are handed on as they are."""

from headrace.types import Context

LONGEST = 512
"""Characters that are kept, as the W3C asks for at least; of more nothing is."""


def tracestate_of(context: Context) -> str:
    """Empty where there is none, or none that may be kept, or no trace that it could belong to."""
    if not context.trace:
        return ""
    said = [value for name, value in context.headers if name in ("tracestate", b"tracestate")]
    texts = [value.decode("latin-1") if isinstance(value, bytes) else value for value in said]
    found = ",".join(text for each in texts if (text := each.strip()))
    return found if len(found) <= LONGEST and found.isascii() and found.isprintable() else ""
