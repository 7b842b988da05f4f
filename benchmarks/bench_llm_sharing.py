"""What sharing a machine between streams gives and costs, over HTTP: prefixes, newcomers, grammars, draws, cancels.

    python -m benchmarks.bench_llm_sharing [models/smollm2/1/model.gguf] [--rounds 5] [--parts prefix newcomer]

- prefix: 64 streams whose prompts begin with the same 400 tokens, with `llm.prefix_cache` and without; the mean time to
  the first token. Another prefix every time, so that nothing is known of it before.
- newcomer: 16 streams decode when a prompt of 1,500 tokens comes; the largest gap between the tokens of any of them
  while it is computed, against their median gap in the whole run. What it was due to is said beside it: the step that
  took longest of those that computed the prompt, by the server's own log.
- grammar: 8 streams held to a JSON schema against 8 free ones; sampled: 32 streams with temperature and top_p against
  32 greedy ones. Tokens a second while they decode, without speculation; the share that is lost.
- clients gone: 32 streams are closed at once; how long until the metrics show no request and no block in use.
"""

import argparse
import http.client
import json
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.bench_grammar import PEOPLE
from benchmarks.results import keep, spread
from benchmarks.server import headrace, metrics
from benchmarks.streaming_client import Stream, complete

PREFIX, OWN, CROWD = 400, 16, 64
STREAMS, NEWCOMER = 16, 1_500
HELD, DRAWN, GONE = 8, 32, 32
TOKENS = {HELD: 96, DRAWN: 192}  # enough for all to decode at once after their prompts
LASTING = 400  # tokens of the streams that a newcomer meets: it may take 200 steps
CALM_S = 0.5  # that all decode undisturbed before the newcomer comes
random = np.random.default_rng(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=Path("models/smollm2/1/model.gguf"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure")
    asked = parser.parse_args()
    rounds: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with (
            headrace(asked.model, "llm.speculation=off", "log.level=debug", "log.format=json", log=log) as shared,
            headrace(asked.model, "llm.speculation=off", "log.level=warning", "llm.prefix_cache=false") as apart,
        ):
            for _ in range(asked.rounds):
                rounds.append({})
                for part in asked.parts:
                    rounds[-1].update(PARTS[part](Servers(shared.http, apart.http, log)))
    figures = {what: spread([each[what] for each in rounds]) for what in rounds[0]}
    keep("llm_sharing", {"model": asked.model.name, **figures})


class Servers(msgspec.Struct, frozen=True):
    """Where one listens that shares prefixes, and one that does not; and what the first has said of its steps."""

    shared: str
    apart: str
    log: Path


def prefixes(servers: Servers) -> dict[str, float]:
    prefix = ids(PREFIX)
    bodies = [{"prompt": prefix + ids(OWN), "max_tokens": 2} for _ in range(CROWD)]
    firsts = {
        what: statistics.mean(stream.first_s for stream in complete(address, bodies))
        for what, address in (("with", servers.shared), ("without", servers.apart))
    }
    return {
        "prefix: mean first token with the cache, s": firsts["with"],
        "prefix: mean first token without, s": firsts["without"],
        "prefix: without to with": firsts["without"] / firsts["with"],
    }


def newcomer(servers: Servers) -> dict[str, float]:
    address, said = servers.shared, len(steps(servers.log))
    streams: list[Stream] = []
    begun = threading.Semaphore(0)
    bodies = [{"prompt": part, "max_tokens": LASTING} for part in prose(STREAMS)]
    others = threading.Thread(target=lambda: streams.extend(complete(address, bodies, begun.release)))
    others.start()
    for _ in bodies:
        begun.acquire(timeout=60)
    time.sleep(CALM_S)
    (late,) = complete(address, [{"prompt": ids(NEWCOMER), "max_tokens": 2}])
    others.join()
    streams = [stream for stream in streams if len(stream.pieces_s) == LASTING]  # each token was told at once
    begin = max(stream.pieces_s[0] for stream in streams)
    end = min(stream.pieces_s[-3] for stream in streams)
    if not begin < late.asked_s < late.pieces_s[0] < end:
        raise RuntimeError("the newcomer did not meet streams that all decode")
    gaps = [gap for stream in streams for gap in between(stream, begin, end)]
    met = [gap for stream in streams for gap in between(stream, late.asked_s, late.pieces_s[0])]
    median = statistics.median(gaps)
    time.sleep(CALM_S)  # until the last lines are written
    beside = [step for step in steps(servers.log)[said:] if step["prompt_tokens"] and step["tokens"] >= STREAMS]
    longest = max(beside, key=lambda step: step["ms"])
    return {
        "newcomer: median gap, ms": median * 1e3,
        "newcomer: largest gap in medians": max(met) / median,
        "newcomer: its first token, s": late.first_s,
        "newcomer: largest gap in medians when it is not there": max(between_all(streams, begin, late.asked_s))
        / median,
        "newcomer: largest gap, ms": max(met) * 1e3,
        "newcomer: longest step beside it, ms": longest["ms"],
        "newcomer: that step was expected to take, ms": longest["expected_ms"],
        "newcomer: that step's tokens of the prompt": longest["prompt_tokens"],
        "newcomer: steps that its prompt took": float(len(beside)),
        "newcomer: streams that tell": float(len(streams)),
    }


def steps(log: Path) -> list[dict[str, Any]]:
    """What the server has said of its steps so far."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "step computed"]


def prose(count: int) -> list[str]:
    """Pieces of about 100 tokens of some documentation. Their continuation is plain text: hardly a token is told with
    the next one, as part of a character is."""
    pages = " ".join(metadata.metadata(name)["Description"] for name in ("anyio", "starlette", "httpx", "openai"))
    words = re.sub(r"[^A-Za-z ,.]+", " ", pages).split()
    begins = random.integers(0, len(words) - 80, count).tolist()
    return [" ".join(words[begin : begin + 80]) for begin in begins]


def between(stream: Stream, begin_s: float, end_s: float) -> list[float]:
    """Gaps that end in this time."""
    pieces = stream.pieces_s
    return [late - early for early, late in pairwise(pieces) if begin_s < late <= end_s]


def between_all(streams: list[Stream], begin_s: float, end_s: float) -> list[float]:
    return [gap for stream in streams for gap in between(stream, begin_s, end_s)]


def costs(address: str) -> dict[str, float]:
    """Of grammars and of drawing, each against its like before and after."""
    schema = {"type": "json_schema", "json_schema": {"name": "people", "schema": PEOPLE}}
    warm = {"temperature": 1.0}
    drawn = {"temperature": 0.7, "top_p": 0.9}
    return {
        **lost("grammar", lambda **more: decoding(address, HELD, **warm, **more), {"response_format": schema}),
        **lost("sampled", lambda **more: decoding(address, DRAWN, **more), drawn),
    }


def lost(what: str, speed: Callable[..., float], more: Mapping[str, Any]) -> dict[str, float]:
    before, under, after = speed(), speed(**more), speed()
    return {f"{what}: tokens/s": under, f"{what}: share of speed lost": 1 - 2 * under / (before + after)}


def decoding(address: str, count: int, **more: Any) -> float:
    """Tokens a second of all, while all decode."""
    streams = complete(address, crowd(count, max_tokens=TOKENS[count], **more))
    begin, end = max(stream.pieces_s[0] for stream in streams), min(stream.pieces_s[-3] for stream in streams)
    steps = max(sum(begin < at <= end for at in stream.pieces_s) for stream in streams)
    return count * steps / (end - begin)


def gone(address: str) -> dict[str, float]:
    """Streams that their clients close once they have begun."""
    before = tokens(address, "saved")
    links = [begun(address, {"prompt": ids(100), "max_tokens": 1_000}) for _ in range(GONE)]
    used = metrics(address)["vllm:kv_cache_usage_perc"]
    closed_s = time.perf_counter()
    for link in links:
        link.close()
    while True:
        found = metrics(address)
        if not found["vllm:num_requests_running"] and not found["vllm:kv_cache_usage_perc"]:
            break
        if time.perf_counter() - closed_s > 10.0:
            raise RuntimeError(f"still running after 10 s: {found['vllm:num_requests_running']}")
    return {
        "clients gone: until all is free, ms": (time.perf_counter() - closed_s) * 1e3,
        "clients gone: share of the cache before": used,
        "clients gone: tokens saved": tokens(address, "saved") - before,
    }


def tokens(address: str, kind: str) -> float:
    """Generated, or saved (those that cancelled requests were still allowed), so far."""
    return metrics(address, f'kind="{kind}"')["headrace_tokens_total"]


def begun(address: str, body: Mapping[str, Any]) -> http.client.HTTPConnection:
    """A stream whose first piece has come."""
    link = http.client.HTTPConnection(address, timeout=60)
    content = json.dumps({"stream": True, "temperature": 0, "ignore_eos": True, **body})
    link.request("POST", "/v1/completions", content, {"Content-Type": "application/json"})
    answer = link.getresponse()
    if answer.status != 200 or not answer.readline():
        raise RuntimeError(f"status {answer.status}")
    return link


def crowd(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"prompt": ids(100), "seed": index, **more} for index in range(count)]


def ids(count: int) -> list[int]:
    """Random tokens."""
    found: list[int] = random.integers(100, 49_000, count).tolist()
    return found


PARTS: dict[str, Callable[[Servers], dict[str, float]]] = {
    "prefix": prefixes,
    "newcomer": newcomer,
    "costs": lambda servers: costs(servers.shared),
    "gone": lambda servers: gone(servers.shared),
}


if __name__ == "__main__":
    main()
