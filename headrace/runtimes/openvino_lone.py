"""A second graph of a decoder for steps of one token alone, in which all sizes but those of the cache are known.

In a graph for any number of tokens the plug-in looks at the sizes of every node again at each step, and leaves sums
apart from the products that they follow: a sixth of a step of one token with SmolLM2 (135 M weights in 30 layers). What
it costs is the weights a second time, in memory and to pack; where the kernels are our own, to be read from the file
once more. So only small models have one, whose steps are short, and only once there were texts alone; it is made while
nobody waits for a step, and until it is there the other graph computes everything.
"""

import openvino as ov

ENOUGH = 16
"""Steps of one token that say that there are texts alone: making a model ready takes a few."""

TRIALS = 8
"""Steps of texts as they come that both graphs compute first, where bits must be the same: of one that has others, it
is used no more."""


def for_one_token(graph: ov.Model) -> ov.Model:
    """The paged graph, changed to take one token and to give one row; its sequences may be more, without tokens."""
    graph.reshape({"input_ids": [1], "position_ids": [1], "sample_at": [1]})
    return graph
