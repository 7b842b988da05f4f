"""The largest sizes that a model's description may ask for, whichever file says them, and what must fit together."""

from headrace.errors import ModelInvalid
from headrace.weights.checkpoint import Architecture

MAX_LAYERS = 1024
MAX_WIDTH = 1 << 20
MAX_HEADS = 4096
MAX_HEAD_DIM = 4096
MAX_VOCABULARY = 1 << 24
MAX_CONTEXT = 1 << 24


def check_sizes(facts: Architecture) -> Architecture:
    """The same architecture. Raises ModelInvalid where its sizes cannot be those of one model."""
    if facts.heads % facts.kv_heads:
        raise ModelInvalid(f"{facts.heads} heads cannot share {facts.kv_heads} key-value heads", "kv_heads")
    if facts.rope is not None and not 0 < 2 * len(facts.rope.frequencies) <= facts.head_dim:
        raise ModelInvalid(f"{2 * len(facts.rope.frequencies)} of {facts.head_dim} values of a head rotate", "rope")
    if facts.windows and len(facts.windows) != facts.num_layers:
        raise ModelInvalid(f"{len(facts.windows)} windows for {facts.num_layers} layers", "windows")
    if facts.windows and facts.sees_all:
        raise ModelInvalid("tokens that see the whole text have none", "windows")
    return facts


def useful_windows(windows: tuple[int, ...], max_context: int) -> tuple[int, ...]:
    """Windows as long as the context are none; none at all is an empty tuple."""
    useful = tuple(window if 0 < window < max_context else 0 for window in windows)
    return useful if any(useful) else ()


def telling_windows(windows: tuple[int, ...]) -> tuple[int, ...]:
    """The same where a window, however long, also says that its layer has a rotation of its own."""
    return windows if any(windows) else ()
