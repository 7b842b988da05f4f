"""What runs take, asked over HTTP."""

from pathlib import Path

import msgspec

from headrace.batching.latency import Latency
from headrace.simulate.known import read_known
from headrace.types import ModelRef, ModelVersion, Variant
from tests.protocols.oip.http_server import connected, serving
from tests.protocols.oip.stub import Stub

PATH = "/v2/headrace/models/add_sub"


def told(version: ModelVersion, variant: str) -> dict[str, object] | None:
    latency = Latency()
    latency.learn(1, 0, 1e6)
    known: dict[str, object] = {"model_name": version.name, "model_version": str(version.version)}
    known["latency"] = latency.to_json()
    return known if variant in ("", "small") else None


def stub() -> Stub:
    """Whose add_sub has two variants, of which one has run."""
    made = Stub(times=told)
    for number in (1, 2):
        served = made.registry.get(ModelRef("add_sub", number))
        variants = tuple(Variant(name, Path(name), "stub", 0.9) for name in ("small", "large"))
        manifest = msgspec.structs.replace(served.manifest, variants=variants)
        made.registry.publish(msgspec.structs.replace(served, manifest=manifest))
    return made


async def test_what_is_known_is_told_as_a_simulation_reads_it() -> None:
    async with serving(stub()) as (port, _), connected(port) as wire:
        answer = await wire.ask("GET", f"{PATH}/versions/1/latency")
        variant = await wire.ask("GET", f"{PATH}/latency?variant=small")
    assert (answer.status, variant.status) == (200, 200)
    assert read_known(answer.body).model_version == "1"


async def test_what_nobody_foresees_is_said() -> None:
    async with serving(stub()) as (port, _), connected(port) as wire:
        answer = await wire.ask("GET", f"{PATH}/latency?variant=large")
        unknown = await wire.ask("GET", "/v2/headrace/models/nothing/latency")
        no_variant = await wire.ask("GET", f"{PATH}/latency?variant=huge")
    assert answer.json["code"] == "unsupported"
    assert "variant 'large' of add_sub/2" in answer.json["error"]
    assert unknown.status == 404
    assert no_variant.status == 400
    assert no_variant.json["error"] == "variant: add_sub/2 has no variant 'huge'; there are small, large"
