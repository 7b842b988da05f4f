"""After the paged-attention pass: what it cannot know of an architecture is told to the nodes that it left."""

import openvino as ov

from headrace.graphs.capped_attention import cap_attention
from headrace.graphs.windows import set_windows
from headrace.weights.checkpoint import Architecture


def complete_paging(model: ov.Model, facts: Architecture) -> None:
    """Sliding windows and soft caps. Changes `model`; without this call its answers may be wrong.

    A graph with a soft cap runs code of ours afterwards: it can be compiled, not exported or cached on disk.
    """
    if facts.attention_softcap:
        cap_attention(model, facts)
    else:
        set_windows(model, facts.windows)
