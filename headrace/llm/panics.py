"""A library that breaks down where it should raise: Rust's panics, which are no `Exception`."""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.errors import ModelInvalid

PROBE = "Hello, world 1 \u00e9 \u65e5\u672c"


@contextmanager
def sound(where: str) -> Iterator[None]:
    """For a first try of `PROBE`: raises ModelInvalid, naming the file `where`, where the library panics over it.

    What it only refuses is passed over: it may take other texts.
    """
    try:
        yield
    except Exception:
        return
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # whose class cannot be imported
            raise
        message = f"the tokenizer reads no text: {error!s:.200}; its post_processor may name a token that it lacks"
        raise ModelInvalid(f"{message}, or its normalizer replace an empty text", where) from error
