"""Who is asked for when some models are asked for far more often than others, and what caches would make of that."""

import random
from collections import OrderedDict
from collections.abc import Sequence

from headrace.memory.eviction import Resident, victims
from headrace.memory.popularity import Popularity


def zipf(models: int, requests: int, seed: int, exponent: float = 1.0) -> list[int]:
    """The models of so many requests, the most popular being 0."""
    weights = [rank**-exponent for rank in range(1, models + 1)]
    return random.Random(seed).choices(range(models), weights, k=requests)


def lru_hits(order: Sequence[int], size: int) -> float:
    """The share that an ideal cache of so many models answers, which lets go whoever was asked for longest ago."""
    cache: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for model in order:
        hits += model in cache
        cache[model] = None
        cache.move_to_end(model)
        if len(cache) > size:
            cache.popitem(last=False)
    return hits / len(order)


def eviction_hits(order: Sequence[int], size: int, rate: float) -> float:
    """The same of the server's own decisions, with loads that take no time."""
    popularity: Popularity[int] = Popularity()
    cache: set[int] = set()
    hits = 0
    for index, model in enumerate(order):
        now_s = index / rate
        hits += model in cache
        if model not in cache and len(cache) >= size:
            residents = [Resident(each, 1, popularity.rate(each, now_s), 1.0) for each in cache]
            cache.difference_update(leaving.key for leaving in victims(residents, 1) or ())
        cache.add(model)
        popularity.asked(model, now_s)
    return hits / len(order)
